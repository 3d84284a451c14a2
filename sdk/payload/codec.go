package payload

import (
	"fmt"

	"github.com/aionrun/aion/sdk/guest"
)

// A Codec changes the bytes of opaque values: it encrypts or compresses them. It must be safe for concurrent use. What it has written must be
// readable as long as histories hold it: keep old codecs in the list, and change the name with the key.
type Codec interface {
	// Name is recorded in clear with every value that the codec has written, and finds the codec that reads it.
	Name() string
	Encode(data []byte) ([]byte, error)
	Decode(data []byte) ([]byte, error)
}

// Codecs are what a client or a worker has: the first one writes, all of them read.
type Codecs []Codec

// Encode gives an opaque value as it leaves the program. Other values, and those that are encoded already, stay as they are.
func (c Codecs) Encode(p guest.Payload) (guest.Payload, error) {
	if len(c) == 0 || p.Metadata[keyOpaque] == "" || p.Metadata[keyCodec] != "" {
		return p, nil
	}
	name := c[0].Name()
	data, err := c[0].Encode(p.Data)
	if err != nil {
		return p, fmt.Errorf("codec %s: %w", name, err)
	}
	m := map[string]string{keyCodec: name, keyContentType: p.ContentType}
	for k, v := range p.Metadata {
		m[k] = v
	}
	return guest.Payload{ContentType: contentTypeEncoded, Data: data, Metadata: m}, nil
}

// Decode gives an opaque value as it was before Encode. One of a codec that is not in the list stays as it is: passing it on does not need it.
func (c Codecs) Decode(p guest.Payload) (guest.Payload, error) {
	name := p.Metadata[keyCodec]
	if name == "" {
		return p, nil
	}
	for _, codec := range c {
		if codec.Name() != name {
			continue
		}
		data, err := codec.Decode(p.Data)
		if err != nil {
			return p, fmt.Errorf("codec %s: %w", name, err)
		}
		m := make(map[string]string, len(p.Metadata))
		for k, v := range p.Metadata {
			if k != keyCodec && k != keyContentType {
				m[k] = v
			}
		}
		return guest.Payload{ContentType: p.Metadata[keyContentType], Data: data, Metadata: m}, nil
	}
	return p, nil
}
