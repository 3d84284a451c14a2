package archive

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

const (
	magic      = "\x89AION\r\n\x1a"
	headerSize = len(magic) + 3*4
	sumSize    = sha256.Size
	// maxRatio is more than DEFLATE can ever gain.
	maxRatio = 1100
)

// The ceilings that hold where Limits names none.
const (
	DefaultArchiveBytes  = 64 << 20
	DefaultInflatedBytes = 256 << 20
)

// Limits are the ceilings of what is read. A zero field means the default.
type Limits struct {
	ArchiveBytes  int64 // of the archive as it is
	InflatedBytes int64 // of the module inside
}

// Archive is an archive that was read and checked.
type Archive struct {
	Hash         model.PackageHash
	Manifest     Manifest
	ManifestJSON []byte
	Code         []byte // the WebAssembly module
}

// Write makes an archive of a module. It fills the manifest's Format, ModuleHash and ModuleBytes. Errors: InvalidInput for a manifest that Read would refuse.
func Write(m Manifest, module []byte) ([]byte, error) {
	sum := sha256.Sum256(module)
	m.Format, m.ModuleHash, m.ModuleBytes = FormatVersion, hex.EncodeToString(sum[:]), int64(len(module))
	if err := m.check(); err != nil {
		return nil, err
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		return nil, fault.Wrap(fault.InvalidInput, err, "the manifest cannot be written")
	}
	if len(manifest) > maxManifestBytes {
		return nil, fault.Invalidf("the manifest is %d bytes long; at most %d are allowed", len(manifest), maxManifestBytes)
	}
	var code bytes.Buffer
	w, err := flate.NewWriter(&code, flate.BestCompression)
	if err == nil {
		_, err = w.Write(module)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the module cannot be compressed")
	}
	if int64(code.Len()) > math.MaxUint32 {
		return nil, fault.New(fault.ArchiveTooLarge, "the compressed module is %d bytes large; an archive holds at most 4 GiB", code.Len())
	}
	out := make([]byte, 0, headerSize+len(manifest)+code.Len()+sumSize)
	out = append(out, magic...)
	out = binary.LittleEndian.AppendUint32(out, FormatVersion)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(manifest)))
	out = binary.LittleEndian.AppendUint32(out, uint32(code.Len()))
	out = append(out, manifest...)
	out = append(out, code.Bytes()...)
	total := sha256.Sum256(out)
	return append(out, total[:]...), nil
}

// Read checks and opens an archive. It never inflates more than the manifest states and l allows. Errors: ArchiveTooLarge beyond l;
// InvalidInput for everything else, with a message that says what is wrong.
func Read(b []byte, l Limits) (Archive, error) {
	if l.ArchiveBytes <= 0 {
		l.ArchiveBytes = DefaultArchiveBytes
	}
	if l.InflatedBytes <= 0 {
		l.InflatedBytes = DefaultInflatedBytes
	}
	if int64(len(b)) > l.ArchiveBytes {
		return Archive{}, fault.New(fault.ArchiveTooLarge, "the archive is %d bytes large; at most %d are allowed", len(b), l.ArchiveBytes).
			Hinted("make the package smaller (aion build prints its largest dependencies), or raise deploy.max_archive_bytes")
	}
	manifest, code, err := split(b)
	if err != nil {
		return Archive{}, err
	}
	a := Archive{ManifestJSON: manifest}
	if a.Manifest, err = ReadManifest(manifest); err != nil {
		return Archive{}, err
	}
	if a.Code, err = inflate(code, a.Manifest.ModuleBytes, l.InflatedBytes); err != nil {
		return Archive{}, err
	}
	if sum := sha256.Sum256(a.Code); hex.EncodeToString(sum[:]) != a.Manifest.ModuleHash {
		return Archive{}, corrupt("its module is not the one that the manifest names")
	}
	a.Hash = Hash(a.Manifest.ABI, a.Code)
	return a, nil
}

// split checks the frame of an archive and gives its manifest and its compressed module.
func split(b []byte) (manifest, code []byte, err error) {
	if len(b) < len(magic) || string(b[:len(magic)]) != magic {
		if len(b) > 0 && len(b) < len(magic) && magic[:len(b)] == string(b) {
			return nil, nil, truncated(len(b), headerSize)
		}
		if bytes.HasPrefix(b, []byte("\x00asm")) {
			return nil, nil, fault.Invalidf("this is a bare WebAssembly module, not an archive").Hinted("make one with: aion build")
		}
		return nil, nil, fault.Invalidf("this is not an archive: it does not begin like one").Hinted("make one with: aion build")
	}
	if len(b) < headerSize {
		return nil, nil, truncated(len(b), headerSize)
	}
	version := binary.LittleEndian.Uint32(b[len(magic):])
	if version != FormatVersion {
		return nil, nil, wrongVersion(version)
	}
	m := int64(binary.LittleEndian.Uint32(b[len(magic)+4:]))
	c := int64(binary.LittleEndian.Uint32(b[len(magic)+8:]))
	if m > maxManifestBytes {
		return nil, nil, corrupt("it states a manifest of %d bytes; at most %d are allowed", m, maxManifestBytes)
	}
	switch want := int64(headerSize) + m + c + int64(sumSize); {
	case int64(len(b)) < want:
		return nil, nil, truncated(len(b), int(want))
	case int64(len(b)) > want:
		return nil, nil, corrupt("it has %d bytes behind its end", int64(len(b))-want)
	}
	end := len(b) - sumSize
	if sum := sha256.Sum256(b[:end]); !bytes.Equal(sum[:], b[end:]) {
		return nil, nil, corrupt("its checksum does not match its content")
	}
	at := headerSize + int(m)
	return b[headerSize:at:at], b[at:end:end], nil
}

// inflate gives exactly size bytes, or an error before it would give more.
func inflate(code []byte, size, limit int64) ([]byte, error) {
	switch {
	case size > limit:
		return nil, fault.New(fault.ArchiveTooLarge, "the module inside the archive is %d bytes large; at most %d are allowed", size, limit).
			Hinted("make the package smaller (aion build prints its largest dependencies), or raise deploy.max_inflated_bytes")
	case size <= 0 || size > int64(len(code))*maxRatio:
		return nil, corrupt("it states a module of %d bytes, which cannot be", size)
	}
	out := make([]byte, size)
	r := flate.NewReader(bytes.NewReader(code))
	if n, err := io.ReadFull(r, out); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, corrupt("its module ends after %d of %d bytes", n, size)
		}
		return nil, corrupt("its module cannot be inflated: %v", err)
	}
	var more [1]byte
	if n, err := r.Read(more[:]); n > 0 || !errors.Is(err, io.EOF) {
		return nil, corrupt("its module is larger than the %d bytes that the manifest states", size)
	}
	return out, nil
}

func truncated(have, want int) error {
	return fault.Invalidf("the archive is truncated: it has %d bytes and should have %d", have, want).Hinted("copy or build it again")
}

func corrupt(format string, a ...any) error {
	e := fault.Invalidf("the archive is corrupt: "+format, a...)
	return e.Hinted("copy or build it again")
}
