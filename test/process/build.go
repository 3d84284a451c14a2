package process

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Root is the repository's folder, found from the working directory up.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.work above the working directory: run this inside the repository")
		}
		dir = up
	}
}

// Build builds the package of a program (e.g. "./cmd/aion", from the repository's folder) into the folder to, and gives the binary's path.
func Build(ctx context.Context, pkg, to string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	bin, err := filepath.Abs(filepath.Join(to, strings.ReplaceAll(strings.TrimPrefix(pkg, "./"), "/", "-")))
	if err != nil {
		return "", err
	}
	c := exec.CommandContext(ctx, "go", "build", "-o", bin, pkg)
	c.Dir = root
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, out.String())
	}
	return bin, nil
}
