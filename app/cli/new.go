package cli

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/domain/fault"
)

//go:embed template
var templates embed.FS

func (s *shell) newCommand() *cobra.Command {
	return &cobra.Command{
		Use: "new NAME", Short: "Make a folder with a workflow, its worker and a test", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return s.makeFolder(cmd.Context(), args[0]) },
	}
}

var packageName = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

// project is what the templates are filled with.
type project struct {
	Name    string // of the Go package
	Module  string
	Version string // of Aion; empty when this binary has none
}

func (s *shell) makeFolder(ctx context.Context, name string) error {
	p := project{Name: filepath.Base(name), Module: filepath.Base(name)}
	if !packageName.MatchString(p.Name) {
		return usageError{fmt.Errorf("%q cannot be the name of a Go package: use a to z and 0 to 9, beginning with a letter", p.Name)}
	}
	if v := Version(); strings.HasPrefix(v, "v") {
		p.Version = v
	}
	if _, err := os.Stat(name); err == nil {
		return fault.New(fault.AlreadyExists, "%s exists already", name).Hinted("choose another name; nothing was changed")
	}
	err := fs.WalkDir(templates, "template", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return p.write(path, name)
	})
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the folder %s cannot be made", name)
	}
	s.say("made %s: a workflow, its worker, a test", name)
	if p.Version == "" {
		s.say("this build of aion has no version, so go.mod requires none: in %s, run go get github.com/aionrun/aion/sdk@latest, or use a go.work", name)
	} else {
		tidy := exec.CommandContext(ctx, "go", "mod", "tidy")
		tidy.Dir, tidy.Env = name, s.Env
		if out, err := tidy.CombinedOutput(); err != nil {
			s.say("go mod tidy failed, run it again before aion dev:\n%s", strings.TrimSpace(string(out)))
		}
	}
	s.say("next: cd %s && aion dev", name)
	return nil
}

// write fills one template in.
func (p project) write(path, dir string) error {
	text, err := fs.ReadFile(templates, path)
	if err != nil {
		return err
	}
	t, err := template.New(path).Parse(string(text))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return err
	}
	target := strings.TrimSuffix(strings.TrimPrefix(path, "template/"), ".tmpl")
	target = strings.Replace(target, "hello", p.Name, 1)
	file := filepath.Join(dir, filepath.FromSlash(target))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	text = b.Bytes()
	if strings.HasSuffix(file, ".go") {
		if text, err = format.Source(text); err != nil {
			return err
		}
	}
	return os.WriteFile(file, text, 0o644)
}
