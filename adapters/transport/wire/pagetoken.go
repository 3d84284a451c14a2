package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// A page token is base64url(version | scope digest | cursor | checksum). The scope is the kind of list and its filter: a token
// of another list is told from a good one, and so is a damaged one. It holds no secret, and it grants nothing: the list is read
// with the request's own filter, from the cursor on.
const (
	tokenVersion  = 1
	tokenScope    = 8
	tokenChecksum = 4
	maxToken      = 2048
)

// Scope is what a page token is bound to: the kind of list and the values of its filter, in a fixed order.
type Scope []string

func (s Scope) digest() []byte {
	h := sha256.New()
	var n [8]byte
	for _, v := range s {
		binary.BigEndian.PutUint64(n[:], uint64(len(v)))
		h.Write(n[:])
		h.Write([]byte(v))
	}
	return h.Sum(nil)[:tokenScope]
}

// EncodeToken makes a page token that continues after cursor.
func EncodeToken(s Scope, cursor []byte) string {
	b := make([]byte, 0, 1+tokenScope+len(cursor)+tokenChecksum)
	b = append(b, tokenVersion)
	b = append(b, s.digest()...)
	b = append(b, cursor...)
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(append(b, sum[:tokenChecksum]...))
}

// DecodeToken gives the cursor of a token, nil for the empty one. InvalidPageToken for a token that is damaged, of another
// version, or of another list or filter.
func DecodeToken(s Scope, token string) ([]byte, error) {
	if token == "" {
		return nil, nil
	}
	if len(token) > maxToken {
		return nil, badToken("is too long")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < 1+tokenScope+tokenChecksum || strings.ContainsAny(token, "\r\n") { // which base64 passes over
		return nil, badToken("is not one of this server's")
	}
	body, sum := b[:len(b)-tokenChecksum], sha256.Sum256(b[:len(b)-tokenChecksum])
	if !bytes.Equal(sum[:tokenChecksum], b[len(body):]) {
		return nil, badToken("is damaged")
	}
	if body[0] != tokenVersion {
		return nil, badToken("is of version " + strconv.Itoa(int(body[0])) + ", and this server reads version " + strconv.Itoa(tokenVersion))
	}
	if !bytes.Equal(body[1:1+tokenScope], s.digest()) {
		return nil, badToken("belongs to another list or filter")
	}
	return body[1+tokenScope:], nil
}

func badToken(why string) error {
	return fault.New(fault.InvalidPageToken, "page_token %s", why).
		Hinted("list from the beginning without page_token, and change nothing but page_token between pages")
}

// PageSize gives the number of items of a page: 100 for 0, and never more than limit.
func PageSize(asked uint32, limit int) int {
	if asked == 0 {
		asked = 100
	}
	return int(min(int64(asked), int64(limit)))
}

// Page cuts a page out of a whole list that is sorted by compare: what comes after the token's cursor. key gives an item's
// cursor and compare its place relative to one; so a page neither repeats nor skips what was there all the time. next is "" at
// the end of the list.
func Page[T any](items []T, s Scope, token string, size int, key func(T) []byte, compare func(item T, cursor []byte) (int, error)) (page []T, next string, err error) {
	cursor, err := DecodeToken(s, token)
	if err != nil {
		return nil, "", err
	}
	first := 0
	if token != "" {
		for first < len(items) {
			c, err := compare(items[first], cursor)
			if err != nil {
				return nil, "", err
			}
			if c > 0 {
				break
			}
			first++
		}
	}
	page = items[first:]
	if len(page) > size {
		page = page[:size]
		next = EncodeToken(s, key(page[size-1]))
	}
	return page, next, nil
}

// runCursor and parseRunCursor write and read the place of a run in a list.
func runCursor(c ports.ListCursor, filtered bool) []byte {
	if filtered {
		b := append(timeCursor(c.StartedAt), timeCursor(c.Now)...)
		b = append(binary.AppendUvarint(b, uint64(len(c.Value))), c.Value...)
		return append(b, c.Run...)
	}
	return append(timeCursor(c.StartedAt), c.Run...)
}

func parseRunCursor(b []byte, filtered bool) (*ports.ListCursor, error) {
	at, rest, err := parseTimeCursor(b)
	if err != nil {
		return nil, err
	}
	if filtered {
		now, rest, err := parseTimeCursor(rest)
		if err != nil {
			return nil, err
		}
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return nil, badToken("is not one of this server's")
		}
		c := &ports.ListCursor{StartedAt: at, Now: now, Run: model.RunID(rest[n+int(size):])}
		if size > 0 {
			c.Value = rest[n : n+int(size)]
		}
		return c, nil
	}
	return &ports.ListCursor{StartedAt: at, Run: model.RunID(rest)}, nil
}

func timeCursor(t time.Time) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(t.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

func parseTimeCursor(b []byte) (time.Time, []byte, error) {
	if len(b) < 12 {
		return time.Time{}, nil, badToken("is not one of this server's")
	}
	sec, ns := int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint32(b[8:]))
	return time.Unix(sec, ns).UTC(), b[12:], nil
}
