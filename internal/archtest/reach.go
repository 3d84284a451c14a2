package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// reachRule bounds what packages may bring along, through whatever they import.
type reachRule struct {
	folder string   // of the repository; the rule covers it and all below
	env    []string // for which build
	never  []string // prefixes of import paths
	why    string
}

// reachRules apply to the folders that exist.
var reachRules = []reachRule{
	{"domain", nil, []string{"net", "crypto/tls", "database/sql", "os/exec", "google.golang.org/protobuf", "connectrpc.com/connect"}, "the core stays free of the outside world"},
	{"aiontest", []string{"CGO_ENABLED=0"}, []string{"net/http", "connectrpc.com", "github.com/tursodatabase", "modernc.org/sqlite", "github.com/tetratelabs/wazero", "github.com/jackc/pgx"},
		"unit tests of users stay small and quick to build"},
	{"inprocess", []string{"CGO_ENABLED=0"}, []string{"net/http", "connectrpc.com"}, "an in-process worker needs no network"},
	{"sdk/workflow", guestBuild, guestNever, inGuests},
	{"sdk/activity", guestBuild, guestNever, inGuests},
	{"sdk/guest", guestBuild, guestNever, inGuests},
}

var (
	guestBuild = []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0"}
	guestNever = []string{"net", "crypto/tls", "google.golang.org/protobuf", "connectrpc.com", module + "/api", module + "/sdk/client", module + "/sdk/worker"}
)

// pkg is one package of a build with what it imports directly.
type pkg struct {
	ImportPath string
	Imports    []string
	DepOnly    bool // not asked for, only reached
}

// listPackages asks go for the packages of a folder and all that they reach.
func listPackages(root, folder string, env []string) ([]pkg, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,DepOnly", "./"+folder+"/...")
	cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", strings.Join(env, " "), strings.Join(cmd.Args, " "), err, complaint.Bytes())
	}
	var out []pkg
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var p pkg
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("read the packages of %s: %w", folder, err)
		}
		out = append(out, p)
	}
}

// checkReach gives, for each forbidden package that is reached, the shortest chain of imports to it.
func checkReach(r reachRule, packages []pkg) (out []string) {
	imports := map[string][]string{}
	var queue []string
	from := map[string]string{} // who imported a package first
	for _, p := range packages {
		imports[p.ImportPath] = p.Imports
		if !p.DepOnly {
			queue = append(queue, p.ImportPath)
			from[p.ImportPath] = ""
		}
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if isUnder(r.never, at) && !isUnder(pure, at) {
			chain := []string{at}
			for up := from[at]; up != ""; up = from[up] {
				chain = append(chain, up)
			}
			slices.Reverse(chain)
			out = append(out, fmt.Sprintf("%s reaches %s: %s: %s", r.folder, at, strings.Join(chain, " → "), r.why))
			continue // what it brings along is not another finding
		}
		for _, next := range imports[at] {
			if _, seen := from[next]; !seen {
				from[next] = at
				queue = append(queue, next)
			}
		}
	}
	return out
}
