package bench

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/aionrun/aion/app/build"
	"github.com/aionrun/aion/domain/fault"
)

// source is the workflows' code, so that the binary can build a package of it.
//
//go:embed workload/workload.go
var source []byte

// buildPackage builds the workflows as a package: with the SDK of the repository that the command is run in, else with the released one.
func (b *bench) buildPackage(ctx context.Context) ([]byte, error) {
	dir := filepath.Join(b.dir, "workload")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	mod := "module workload\n\ngo 1.26\n"
	root, workspace := workspaceRoot(ctx, b.Env)
	switch {
	case workspace:
		work := fmt.Sprintf("go 1.26.0\n\nuse (\n\t%q\n\t%q\n\t%q\n)\n", dir, filepath.Join(root, "sdk"), filepath.Join(root, "api"))
		if err := os.WriteFile(filepath.Join(b.dir, "go.work"), []byte(work), 0o644); err != nil {
			return nil, err
		}
		if sums, err := os.ReadFile(filepath.Join(root, "go.work.sum")); err == nil {
			if err := os.WriteFile(filepath.Join(b.dir, "go.work.sum"), sums, 0o644); err != nil {
				return nil, err
			}
		}
	case b.Version != "":
		mod += fmt.Sprintf("\nrequire github.com/aionrun/aion/sdk %s\n", b.Version)
	default:
		return nil, fault.New(fault.Unavailable, "the package for --runtime wasm cannot be built: this binary has no version, so the SDK that fits it is only in its repository").
			Hinted("run aion bench inside the repository, or measure --runtime native")
	}
	for name, text := range map[string][]byte{"go.mod": []byte(mod), "workload.go": source} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return nil, err
		}
	}
	b.Say("building the package")
	env := b.Env
	if workspace {
		env = append(env[:len(env):len(env)], "GOWORK="+filepath.Join(b.dir, "go.work"))
	} else if err := tidy(ctx, dir, env); err != nil {
		return nil, err
	}
	res, err := build.Package(ctx, dir, build.Options{Env: env})
	return res.Archive, err
}

// tidy fetches the SDK.
func tidy(ctx context.Context, dir string, env []string) error {
	cmd := exec.CommandContext(ctx, "go", "mod", "tidy")
	cmd.Dir, cmd.Env = dir, env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fault.New(fault.Unavailable, "the SDK cannot be fetched: %s", bytes.TrimSpace(out)).Hinted("measure --runtime native, which needs none")
	}
	return nil
}

// workspaceRoot finds the repository that the command is run in, by its go.work.
func workspaceRoot(ctx context.Context, env []string) (string, bool) {
	cmd := exec.CommandContext(ctx, "go", "env", "GOWORK")
	cmd.Env = env
	out, err := cmd.Output()
	root := filepath.Dir(strings.TrimSpace(string(out)))
	if err != nil || len(strings.TrimSpace(string(out))) == 0 {
		return "", false
	}
	mod, err := os.ReadFile(filepath.Join(root, "sdk", "go.mod"))
	return root, err == nil && bytes.HasPrefix(mod, []byte("module github.com/aionrun/aion/sdk\n"))
}
