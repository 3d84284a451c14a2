package module

import (
	"fmt"
	"strings"
)

// WASIModule is the name of the system interface that a guest may import.
const WASIModule = "wasi_snapshot_preview1"

// WASI lists the functions of the system interface with their types; each answers an error number, but for proc_exit.
// The host offers exactly these.
var WASI = map[string]FuncType{
	"args_get":                sig("ii:i"),
	"args_sizes_get":          sig("ii:i"),
	"environ_get":             sig("ii:i"),
	"environ_sizes_get":       sig("ii:i"),
	"clock_res_get":           sig("ii:i"),
	"clock_time_get":          sig("ili:i"),
	"fd_advise":               sig("illi:i"),
	"fd_allocate":             sig("ill:i"),
	"fd_close":                sig("i:i"),
	"fd_datasync":             sig("i:i"),
	"fd_fdstat_get":           sig("ii:i"),
	"fd_fdstat_set_flags":     sig("ii:i"),
	"fd_fdstat_set_rights":    sig("ill:i"),
	"fd_filestat_get":         sig("ii:i"),
	"fd_filestat_set_size":    sig("il:i"),
	"fd_filestat_set_times":   sig("illi:i"),
	"fd_pread":                sig("iiili:i"),
	"fd_prestat_get":          sig("ii:i"),
	"fd_prestat_dir_name":     sig("iii:i"),
	"fd_pwrite":               sig("iiili:i"),
	"fd_read":                 sig("iiii:i"),
	"fd_readdir":              sig("iiili:i"),
	"fd_renumber":             sig("ii:i"),
	"fd_seek":                 sig("ilii:i"),
	"fd_sync":                 sig("i:i"),
	"fd_tell":                 sig("ii:i"),
	"fd_write":                sig("iiii:i"),
	"path_create_directory":   sig("iii:i"),
	"path_filestat_get":       sig("iiiii:i"),
	"path_filestat_set_times": sig("iiiilli:i"),
	"path_link":               sig("iiiiiii:i"),
	"path_open":               sig("iiiiillii:i"),
	"path_readlink":           sig("iiiiii:i"),
	"path_remove_directory":   sig("iii:i"),
	"path_rename":             sig("iiiiii:i"),
	"path_symlink":            sig("iiiii:i"),
	"path_unlink_file":        sig("iii:i"),
	"poll_oneoff":             sig("iiii:i"),
	"proc_exit":               sig("i:"),
	"proc_raise":              sig("i:i"),
	"random_get":              sig("ii:i"),
	"sched_yield":             sig(":i"),
	"sock_accept":             sig("iii:i"),
	"sock_recv":               sig("iiiiii:i"),
	"sock_send":               sig("iiiii:i"),
	"sock_shutdown":           sig("ii:i"),
}

// The functions of the host's own: a guest imports the first, and may import the others.
const (
	HostModule  = "aion"
	HostYield   = "yield"
	HostPatched = "patched"
)

// Patched is the type of the function HostPatched: a name's place and length, 1 where the patch is in.
var Patched = sig("ii:i")

// importType gives the type that an import must have, or says why it may not be there.
func importType(module, name string) (FuncType, error) {
	switch module {
	case HostModule:
		if name == HostYield {
			return sig(":"), nil
		}
		if name == HostPatched {
			return Patched, nil
		}
		return FuncType{}, fmt.Errorf("import %s.%s: module %q has the functions %q and %q only", module, name, HostModule, HostYield, HostPatched)
	case WASIModule:
		if t, ok := WASI[name]; ok {
			return t, nil
		}
		return FuncType{}, fmt.Errorf("import %s.%s: there is no such system function", module, name)
	}
	if strings.HasPrefix(module, "wasi") {
		return FuncType{}, fmt.Errorf("import %s.%s: of the system interfaces only %s may be used; build with GOOS=wasip1", module, name, WASIModule)
	}
	return FuncType{}, fmt.Errorf("import %s.%s: only the modules %s and %s may be imported", module, name, WASIModule, HostModule)
}
