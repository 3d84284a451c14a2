package archtest

import "strings"

// module is the path that all modules of the repository share: a module's path is this plus its folder, so a package's
// import path is this plus its folder too, in whichever module it is.
const module = "github.com/aionrun/aion"

// row says what the code of a folder may import. A folder pattern is an exact folder, or ends in "/..." and means the
// folder and all below it; "." is the root package. Of several rows that match a folder the longest pattern counts.
type row struct {
	folder string
	ours   []string // patterns of our own folders that it may import, beside itself
	never  []string // exceptions from ours
	noStd  []string // prefixes of the standard library that it may not import
	third  []string // prefixes of modules of others; "*" for any
	why    string   // said when the row is broken
}

// outside is what the core never touches directly: the operating system, the network, databases, dice, global loggers, C.
var outside = []string{"C", "crypto/rand", "crypto/tls", "database/sql", "log", "math/rand", "net", "os", "plugin", "syscall"}

// network is what code that is linked into workflow packages cannot have.
var network = []string{"crypto/tls", "net"}

// pure are exceptions from both: below one of their names, but without a way out.
var pure = []string{"log/slog", "net/netip", "net/url"}

var values = []string{"domain/model/...", "domain/fault/...", "domain/history/...", "domain/filter/..."}

// table is the import direction of the whole repository. Tests (files ending in _test.go) are free: a test of the core
// may well run on an adapter.
var table = []row{
	{folder: "api/...", ours: []string{"api/..."}, third: []string{"google.golang.org/protobuf", "connectrpc.com/connect", "google.golang.org/genproto/googleapis"},
		why: "api is the wire contract and nothing else"},

	{folder: "domain/fault/...", noStd: outside, why: "fault stands on the standard library alone"},
	{folder: "domain/model/...", ours: []string{"domain/fault/..."}, noStd: outside, why: "model stands on fault and the standard library alone"},
	{folder: "domain/history/...", ours: []string{"domain/model/...", "domain/fault/..."}, noStd: outside, why: "history is pure: it knows model and fault only"},
	{folder: "domain/filter/...", ours: []string{"domain/model/...", "domain/fault/..."}, noStd: outside, why: "a filter is a value: it knows model and fault only"},
	{folder: "ports", ours: values, noStd: outside, why: "ports know values only"},
	{folder: "ports/...", ours: append([]string{"ports/...", "api/...", "sdk/..."}, values...), third: []string{"*"},
		why: "a conformance suite meets what it tests through ports"},
	{folder: "domain/...", ours: []string{"domain/...", "ports"}, noStd: outside, why: "the core knows ports and no technology"},

	{folder: ".", ours: []string{"domain/...", "ports"}, why: "aion.New takes its parts as ports"},
	{folder: "inprocess/...", ours: []string{".", "inprocess/...", "domain/model/...", "domain/fault/...", "ports", "sdk/..."}, why: "an in-process worker meets the engine in ports, and users in the sdk"},
	{folder: "aiontest/...", ours: []string{".", "aiontest/...", "inprocess/...", "domain/...", "ports", "sdk/...", "adapters/storage/memory/...", "adapters/runtime/native/...", "app/historyfile/..."},
		why: "aiontest is aion.New with two small adapters, and reads exported histories"},

	{folder: "adapters/...", ours: adapterMay(), third: []string{"*"}, why: "an adapter knows ports, values and its own technology, no other adapter and nothing above"},
	{folder: "adapters/runtime/...", ours: adapterMay("sdk/..."), third: []string{"*"}, why: "a runtime knows ports, values and the guest's side of the SDK, no other adapter and nothing above"},
	{folder: "adapters/transport/...", ours: adapterMay("api/...", "adapters/transport/wire/..."), third: []string{"*"}, why: "a transport knows ports, values, the wire contract and its mapping (wire), no other adapter and nothing above"},
	{folder: "adapters/storage/libsql/...", ours: adapterMay("adapters/storage/sqlstore/..."), third: []string{"*"}, why: "a SQL driver knows ports, values and sqlstore"},
	{folder: "adapters/storage/sqlite/...", ours: adapterMay("adapters/storage/sqlstore/..."), third: []string{"*"}, why: "a SQL driver knows ports, values and sqlstore"},
	{folder: "adapters/storage/postgres/...", ours: adapterMay("adapters/storage/sqlstore/..."), third: []string{"*"}, why: "a SQL driver knows ports, values and sqlstore"},

	{folder: "app/...", ours: []string{"..."}, never: []string{"cmd/...", "examples/...", "test/...", "internal/archtest/..."}, third: []string{"*"},
		why: "app puts the product together, not its tests and examples"},
	{folder: "cmd/...", ours: []string{"app/..."}, why: "cmd is main and nothing else"},

	{folder: "sdk/...", ours: []string{"sdk/...", "api/..."}, third: []string{"*"}, why: "users import the sdk without the server"},
	{folder: "sdk/workflow/...", ours: []string{"sdk/..."}, never: hostSide, noStd: network, why: inGuests},
	{folder: "sdk/payload/...", ours: []string{"sdk/..."}, never: hostSide, noStd: network, why: inGuests},
	{folder: "sdk/activity/...", ours: []string{"sdk/..."}, never: hostSide, noStd: network, why: inGuests},
	{folder: "sdk/guest/...", ours: []string{"sdk/..."}, never: hostSide, noStd: network, why: inGuests},

	{folder: "examples/...", ours: []string{".", "aiontest/...", "examples/...", "sdk/..."}, third: []string{"*"}, why: "an example uses what users have"},
	{folder: "test/...", ours: []string{"..."}, never: []string{"cmd/..."}, third: []string{"*"}, why: "cmd is main and nothing else"},
	{folder: "internal/...", ours: []string{"internal/...", "domain/model/...", "domain/fault/..."}, third: []string{"*"}, why: "internal serves the repository, not the product"},
}

var hostSide = []string{"sdk/client/...", "sdk/worker/..."}

const inGuests = "this code is linked into workflow packages, which have no network and no protobuf"

// adapterMay is what every adapter may import, and more.
func adapterMay(more ...string) []string {
	return append(append([]string{"ports", "domain/archive/..."}, values...), more...)
}

// rowOf finds the row of a folder: the exact one, else the one with the longest pattern.
func rowOf(rows []row, folder string) (best row, found bool) {
	for _, r := range rows {
		switch {
		case r.folder == folder:
			return r, true
		case matches(r.folder, folder) && len(r.folder) > len(best.folder):
			best, found = r, true
		}
	}
	return best, found
}

// matches says whether a folder fits a pattern.
func matches(pattern, folder string) bool {
	if pattern == "..." {
		return true
	}
	base, below := strings.CutSuffix(pattern, "/...")
	return folder == base || below && strings.HasPrefix(folder, base+"/")
}

func matchesAny(patterns []string, folder string) bool {
	for _, p := range patterns {
		if matches(p, folder) {
			return true
		}
	}
	return false
}

// isUnder says whether an import path is one of the prefixes or below one.
func isUnder(prefixes []string, path string) bool {
	for _, p := range prefixes {
		if path == p || strings.HasPrefix(path, p+"/") {
			return true
		}
	}
	return false
}

// allows says whether code in folder may import path under r.
func (r row) allows(folder, path string) bool {
	if path == module || strings.HasPrefix(path, module+"/") {
		target := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
		if target == "" {
			target = "."
		}
		if matchesAny(r.never, target) {
			return false
		}
		return matchesAny(r.ours, target) || matchesAny(adapterOf(folder), target)
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return !isUnder(r.noStd, path) || isUnder(pure, path)
	}
	return len(r.third) == 1 && r.third[0] == "*" || isUnder(r.third, path)
}

// adapterOf is the pattern of the adapter that a folder belongs to, whose parts may import one another; none outside adapters.
func adapterOf(folder string) []string {
	parts := strings.Split(folder, "/")
	if parts[0] != "adapters" || len(parts) < 3 {
		return nil
	}
	return []string{strings.Join(parts[:3], "/") + "/..."}
}
