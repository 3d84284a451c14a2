package build

import (
	"strings"

	"github.com/aionrun/aion/domain/fault"
)

// refusedLinks are packages that a sandbox cannot serve or that are too large for it, with what to do instead.
var refusedLinks = []struct{ path, why string }{
	{"net/http", "there is no network inside a workflow: do it in an activity"},
	{"database/sql", "there is no database inside a workflow: do it in an activity"},
	{"os/exec", "there are no processes inside a workflow: do it in an activity"},
	{"google.golang.org/protobuf", "it more than doubles the size of the package: keep generated messages out of the workflow's types"},
}

// checkLinks refuses a package that would link one of refusedLinks, and shows through which imports.
func (t *tree) checkLinks() error {
	for _, r := range refusedLinks {
		chain := t.importChain(func(path string) bool { return path == r.path || strings.HasPrefix(path, r.path+"/") })
		if chain == nil {
			continue
		}
		return fault.Invalidf("the package links %s: %s\n  imported by: %s", chain[len(chain)-1], r.why, strings.Join(chain, "\n            →  ")).
			Hinted("keep activity implementations in another package than the workflows")
	}
	return nil
}

// importChain is the shortest chain of imports from the package to one that match accepts, nil when there is none.
func (t *tree) importChain(match func(path string) bool) []string {
	from := map[string]string{t.pkg.ImportPath: ""}
	for queue := []string{t.pkg.ImportPath}; len(queue) > 0; queue = queue[1:] {
		path := queue[0]
		if match(path) {
			var chain []string
			for p := path; p != ""; p = from[p] {
				chain = append([]string{p}, chain...)
			}
			return chain
		}
		p := t.all[path]
		if p == nil {
			continue
		}
		for _, imp := range p.Imports {
			if to, ok := p.ImportMap[imp]; ok {
				imp = to
			}
			if _, seen := from[imp]; !seen {
				from[imp] = path
				queue = append(queue, imp)
			}
		}
	}
	return nil
}
