package cli

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Every command and every flag of the command tree is used by a script: what nobody tries does not work.
func TestEveryCommandAndFlagIsUsed(t *testing.T) {
	used := map[string]bool{}
	for name, text := range scripts(t) {
		for _, line := range strings.Split(text, "\n") {
			if args, ok := commandLine(line); ok {
				use(used, args)
			}
		}
		_ = name
	}
	for _, want := range wanted((&shell{}).root()) {
		if !used[want] {
			t.Errorf("no script in testdata/script uses: %s", want)
		}
	}
}

var words_ = regexp.MustCompile(`'([^']|'')*'|\S+`)

// commandLine takes the arguments of a call of aion out of a script's line.
func commandLine(line string) ([]string, bool) {
	var args []string
	for _, w := range words_.FindAllString(line, -1) {
		args = append(args, strings.Trim(w, "'"))
	}
	i := slices.Index(args, "aion")
	if i < 1 || args[i-1] != "exec" && args[i-1] != "eventually" {
		return nil, false
	}
	args = args[i+1:]
	if n := len(args); n > 0 && strings.HasPrefix(args[n-1], "&") {
		args = args[:n-1]
	}
	return args, true
}

// use marks the command and the flags of a command line.
func use(used map[string]bool, args []string) {
	root := (&shell{Process: Process{Out: io.Discard, Err: io.Discard}}).root()
	cmd, rest, err := root.Find(args)
	if err != nil {
		return
	}
	used[cmd.CommandPath()] = true
	if cmd.ParseFlags(rest) != nil {
		return // a script that is about wrong flags
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		used[flagName(cmd, f)] = true
	})
}

// flagName names a flag by where it is defined: a flag of all commands is the root's.
func flagName(cmd *cobra.Command, f *pflag.Flag) string {
	if cmd.LocalNonPersistentFlags().Lookup(f.Name) == f {
		return fmt.Sprintf("%s --%s", cmd.CommandPath(), f.Name)
	}
	return fmt.Sprintf("aion --%s", f.Name)
}

// wanted lists all commands that do something of their own, and all flags.
func wanted(cmd *cobra.Command) []string {
	var out []string
	if cmd.Runnable() && !cmd.HasSubCommands() {
		out = append(out, cmd.CommandPath())
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			out = append(out, flagName(cmd, f))
		}
	})
	for _, c := range cmd.Commands() {
		out = append(out, wanted(c)...)
	}
	return out
}
