package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// FormatVersion is the version of the format that is written and read.
const FormatVersion = 1

// maxManifestBytes bounds the manifest's JSON.
const maxManifestBytes = 1 << 20

// Manifest describes a package to people and tools. What counts when code runs is the module itself.
type Manifest struct {
	Format      int                  `json:"format"`
	Name        string               `json:"name"` // of the Go package, for people
	ABI         int                  `json:"abi"`  // version of the guest ABI
	Workflows   []Workflow           `json:"workflows"`
	Activities  []model.ActivityType `json:"activities,omitempty"`
	SDK         string               `json:"sdk"`        // e.g. "go 0.1.0"
	GoVersion   string               `json:"go_version"` // e.g. "go1.26.0"
	BuildFlags  []string             `json:"build_flags,omitempty"`
	ModuleHash  string               `json:"module_hash"`  // SHA-256 of the module, hex
	ModuleBytes int64                `json:"module_bytes"` // size of the module, not compressed
}

// Workflow describes one workflow type.
type Workflow struct {
	Type    model.WorkflowType `json:"type"`
	Signals []model.SignalName `json:"signals,omitempty"`
	Queries []model.QueryName  `json:"queries,omitempty"`
}

// Hash is the package's hash: SHA-256 over the guest ABI's version and the module, which is everything that changes what the code does.
// Two archives that differ only in what describes them have the same hash.
func Hash(abi int, module []byte) model.PackageHash {
	h := sha256.New()
	var n [16]byte
	binary.LittleEndian.PutUint64(n[:8], uint64(abi))
	binary.LittleEndian.PutUint64(n[8:], uint64(len(module)))
	h.Write([]byte("aion package v1\x00"))
	h.Write(n[:])
	h.Write(module)
	return model.PackageHash(hex.EncodeToString(h.Sum(nil)))
}

// ReadManifest decodes and checks a manifest's JSON. Errors: InvalidInput. Fields that it does not know are left out: what changes the meaning of an
// archive changes the format version.
func ReadManifest(b []byte) (Manifest, error) {
	var m Manifest
	if len(b) > maxManifestBytes {
		return m, fault.Invalidf("the manifest is %d bytes long; at most %d are allowed", len(b), maxManifestBytes)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&m); err != nil {
		return m, fault.Wrap(fault.InvalidInput, err, "the archive's manifest is not valid JSON")
	}
	if d.More() {
		return m, fault.Invalidf("the archive's manifest has something behind its end")
	}
	return m, m.check()
}

func (m *Manifest) check() error {
	if m.Format != FormatVersion {
		return wrongVersion(uint32(m.Format))
	}
	if len(m.Workflows) == 0 {
		return fault.Invalidf("the archive's manifest lists no workflow type")
	}
	seen := map[model.WorkflowType]bool{}
	for _, w := range m.Workflows {
		if err := model.ValidateID("workflow type", string(w.Type)); err != nil {
			return err
		}
		if seen[w.Type] {
			return fault.Invalidf("the archive's manifest lists the workflow type %q twice", w.Type)
		}
		seen[w.Type] = true
		for _, s := range w.Signals {
			if err := model.ValidateID("signal name", string(s)); err != nil {
				return err
			}
		}
		for _, q := range w.Queries {
			if err := model.ValidateID("query name", string(q)); err != nil {
				return err
			}
		}
	}
	for _, a := range m.Activities {
		if err := model.ValidateID("activity type", string(a)); err != nil {
			return err
		}
	}
	return nil
}

func wrongVersion(v uint32) error {
	return fault.Invalidf("the archive has format version %d; this version of aion reads version %d", v, FormatVersion).
		Hinted("build the package again with the aion that deploys it, or update the server")
}
