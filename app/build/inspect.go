package build

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/aionrun/aion/domain/fault"
)

// The oldest Go that can build a package: that of the SDK's module.
const minGo = "1.26"

const (
	sdkPath      = "github.com/aionrun/aion/sdk"
	workflowPath = sdkPath + "/workflow"
)

// tree is what the go command knows of a package and of everything that it links.
type tree struct {
	dir       string
	goCommand string
	env       goEnv
	guestEnv  []string
	pkg       *listed
	all       map[string]*listed
	order     []string // import paths, dependencies first
}

type goEnv struct{ GOVERSION, GOFLAGS, GOEXPERIMENT, GOMOD, GOWORK string }

// listed is what "go list" tells of a package.
type listed struct {
	ImportPath string
	Name       string
	Dir        string
	Standard   bool
	Imports    []string
	ImportMap  map[string]string
	Error      *listError
	Module     *module
}

type module struct{ Path, Version, Dir string }

type listError struct {
	ImportStack []string
	Pos, Err    string
}

// inspect finds the package in dir and everything that it links for the guest's platform.
func inspect(ctx context.Context, dir string, env []string) (*tree, error) {
	if env == nil {
		env = os.Environ()
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fault.Wrap(fault.InvalidInput, err, "the directory %s", dir)
	}
	if st, err := os.Stat(abs); err != nil || !st.IsDir() {
		return nil, fault.Invalidf("%s is not a directory", dir).Hinted("name the directory of the Go package that has the workflows")
	}
	t := &tree{dir: abs, all: map[string]*listed{}}
	if err := t.readEnv(ctx, env); err != nil {
		return nil, err
	}
	t.guestEnv = guestEnv(env, t.env.GOFLAGS)
	out, err := t.command(ctx, "list", "-e", "-deps", "-trimpath", "-json=ImportPath,Name,Dir,Standard,Imports,ImportMap,Error,Module", ".")
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := &listed{}
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "go list answered something else than JSON")
		}
		t.all[p.ImportPath] = p
		t.order = append(t.order, p.ImportPath)
		t.pkg = p // the package itself comes last
	}
	return t, t.checkPackages(dir)
}

// readEnv asks which Go there is and refuses one that cannot build the SDK.
func (t *tree) readEnv(ctx context.Context, env []string) error {
	if t.goCommand = lookGo(env); t.goCommand == "" {
		return fault.New(fault.Unavailable, "the go command is not in PATH; aion build needs Go %s or later", minGo).Hinted("install it from https://go.dev/dl")
	}
	t.guestEnv = env
	out, err := t.command(ctx, "env", "-json", "GOVERSION", "GOFLAGS", "GOEXPERIMENT", "GOMOD", "GOWORK")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, &t.env); err != nil {
		return fault.Wrap(fault.Internal, err, "go env answered something else than JSON")
	}
	if older(t.env.GOVERSION, minGo) {
		return fault.New(fault.Unavailable, "the go command is %s; aion build needs Go %s or later", t.env.GOVERSION, minGo).Hinted("install it from https://go.dev/dl")
	}
	if t.env.GOMOD == "" || t.env.GOMOD == os.DevNull {
		return fault.Invalidf("%s is not inside a Go module: there is no go.mod", t.dir).Hinted("run: go mod init example.com/yours && go get %s", sdkPath)
	}
	if t.env.GOEXPERIMENT != "" {
		return fault.Invalidf("GOEXPERIMENT is set to %q, which changes the bytes of the package", t.env.GOEXPERIMENT).Hinted("unset it, also in: go env -w")
	}
	return nil
}

// lookGo finds the go command in the PATH of env.
func lookGo(env []string) string {
	for _, e := range env {
		path, ok := strings.CutPrefix(e, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			if p, err := exec.LookPath(filepath.Join(dir, "go")); err == nil {
				return p
			}
		}
	}
	return ""
}

// older says whether a version such as "go1.25.3" is older than min ("1.26"). Versions of another form (development builds) are not.
func older(version, min string) bool {
	parse := func(s string) (major, minor int, ok bool) {
		a, rest, _ := strings.Cut(s, ".")
		major, err := strconv.Atoi(a)
		minor, err2 := strconv.Atoi(rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))])
		return major, minor, err == nil && err2 == nil
	}
	v, ok := strings.CutPrefix(version, "go")
	a, b, ok2 := parse(v)
	x, y, _ := parse(min)
	return ok && ok2 && (a < x || a == x && b < y)
}

// fixed are the variables that change what is built; each is set to one value for every user.
var fixed = []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOWASM=satconv,signext", "GOFIPS140=off"}

// guestEnv is the environment in which the go command builds for the guest. Of the user's GOFLAGS only those stay that say where
// modules come from: the others (-tags, -ldflags, -race, …) would change the bytes.
func guestEnv(env []string, goflags string) []string {
	drop := map[string]bool{"GOFLAGS": true}
	for _, f := range fixed {
		name, _, _ := strings.Cut(f, "=")
		drop[name] = true
	}
	out := make([]string, 0, len(env)+len(fixed)+1)
	for _, e := range env {
		if name, _, _ := strings.Cut(e, "="); !drop[name] {
			out = append(out, e)
		}
	}
	// Never empty: an empty GOFLAGS falls back to what "go env -w" has stored.
	keep := []string{"-trimpath"}
	for _, f := range strings.Fields(goflags) {
		name, _, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		if name == "mod" || name == "modfile" || name == "modcacherw" {
			keep = append(keep, f)
		}
	}
	return append(append(out, fixed...), "GOFLAGS="+strings.Join(keep, " "))
}

// modules lists where the linked modules are, longest directory first.
func (t *tree) modules() []module {
	seen := map[module]bool{}
	for _, p := range t.all {
		if p.Module != nil && p.Module.Dir != "" {
			seen[*p.Module] = true
		}
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b module) int {
		return cmp.Or(cmp.Compare(len(b.Dir), len(a.Dir)), strings.Compare(a.Dir, b.Dir))
	})
}

// checkPackages refuses what cannot be built at all, before anything is compiled.
func (t *tree) checkPackages(dir string) error {
	if t.pkg == nil {
		return fault.Invalidf("there is no Go package in %s", dir)
	}
	for _, path := range t.order {
		p := t.all[path]
		if p.Error == nil {
			continue
		}
		text := p.Error.Err
		if p.Error.Pos != "" {
			text = p.Error.Pos + ": " + text
		}
		if p == t.pkg && strings.Contains(text, "no Go files") {
			return fault.Invalidf("there is no Go package in %s", dir).Hinted("name the directory of the Go package that has the workflows")
		}
		return fault.Invalidf("the package cannot be built: %s", text)
	}
	if t.pkg.Name == "main" {
		return fault.Invalidf("%s is package main, which cannot be imported", t.pkg.ImportPath).
			Hinted("move the workflows into a package of their own, with a function Workflows")
	}
	return nil
}
