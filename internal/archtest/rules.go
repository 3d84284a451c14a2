package archtest

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxLines is where a file surely holds more than one subject.
const maxLines = 600

// vagueNames could hold anything, so they say nothing.
var vagueNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "impl", "misc"}

var replaceDirective = regexp.MustCompile(`(?m)^\s*replace\b`)

// check gives one line for each place where the tree breaks a rule, sorted.
func check(t tree, rows []row) []string {
	out := slices.Concat(checkImports(t, rows), checkFiles(t), checkFolders(t), checkModules(t))
	slices.Sort(out)
	return slices.Compact(out)
}

func checkImports(t tree, rows []row) (out []string) {
	for _, f := range t.files {
		r, found := rowOf(rows, f.folder)
		if !found {
			out = append(out, fmt.Sprintf("%s: the folder %s has no row in the architecture table: add one in internal/archtest/table.go and in CONTRIBUTING.md", f.path, f.folder))
			continue
		}
		if f.test {
			continue
		}
		for _, i := range f.imports {
			if !r.allows(f.folder, i.path) {
				out = append(out, fmt.Sprintf("%s:%d: %s may not import %q: %s", f.path, i.line, f.folder, i.path, r.why))
			}
		}
	}
	return out
}

func checkFiles(t tree) (out []string) {
	for _, f := range t.files {
		if f.generated {
			continue
		}
		if f.lines > maxLines {
			out = append(out, fmt.Sprintf("%s: %d lines, more than %d: split it by subject", f.path, f.lines, maxLines))
		}
		stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.path), ".go"), "_test")
		for _, word := range strings.Split(stem, "_") {
			if slices.Contains(vagueNames, word) {
				out = append(out, fmt.Sprintf("%s: %q says nothing about what the file holds: name it after its subject", f.path, word))
			}
		}
	}
	return out
}

func checkFolders(t tree) (out []string) {
	documented := map[string]bool{}
	for _, f := range t.files {
		documented[f.folder] = documented[f.folder] || f.documented
	}
	for _, f := range t.files {
		if !documented[f.folder] && !f.generated {
			out = append(out, fmt.Sprintf("%s: no file of the folder has a package comment: say in doc.go what lives here", f.folder))
		}
		for _, word := range strings.Split(f.folder, "/") {
			if slices.Contains(vagueNames, word) {
				out = append(out, fmt.Sprintf("%s: %q says nothing about what the folder holds: name it after its subject", f.folder, word))
			}
		}
	}
	return out
}

func checkModules(t tree) (out []string) {
	for name, text := range t.goMods {
		if replaceDirective.MatchString(text) {
			out = append(out, name+": has a replace directive: a released module would not build with it")
		}
	}
	return out
}
