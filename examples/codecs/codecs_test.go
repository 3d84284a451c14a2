package codecs_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aionrun/aion/examples/codecs"
	"github.com/aionrun/aion/sdk/payload"
)

func TestRoundTrip(t *testing.T) {
	aes, err := codecs.NewAES("2026", bytes.Repeat([]byte{7}, 32), codecs.Gzip{})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("the same again, ", 1000)
	for _, c := range []payload.Codec{codecs.Gzip{}, aes} {
		seen := map[string]bool{}
		for range 2 {
			b, err := c.Encode([]byte(text))
			if err != nil || len(b) > 1000 {
				t.Fatalf("%s: %d bytes, %v", c.Name(), len(b), err)
			}
			seen[string(b)] = true
			back, err := c.Decode(b)
			if err != nil || string(back) != text {
				t.Errorf("%s: %d bytes came back, %v", c.Name(), len(back), err)
			}
			b[len(b)/2]++
			if _, err := c.Decode(b); err == nil {
				t.Errorf("%s: a changed value was decoded", c.Name())
			}
		}
		if c == payload.Codec(aes) && len(seen) != 2 {
			t.Error("the same value was encrypted to the same bytes twice")
		}
	}
	if _, err := codecs.NewAES("short", []byte{1}, codecs.Gzip{}); err == nil {
		t.Error("a key of one byte was accepted")
	}
}
