package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/app"
)

// Version is the version of this binary, e.g. "v0.1.0"; "devel" when it was not built from a release.
func Version() string {
	if b, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(b.Main.Version, "v") {
		return b.Main.Version
	}
	return "devel"
}

func (s *shell) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of this binary and the storage drivers in it", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if s.asJSON() {
				return s.value(map[string]any{"version": Version(), "go_version": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH, "stores": app.StoreBackends()})
			}
			_, err := fmt.Fprintf(s.Out, "aion %s\n%s %s/%s\nstores %s\n", Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, strings.Join(app.StoreBackends(), ", "))
			return err
		},
	}
}
