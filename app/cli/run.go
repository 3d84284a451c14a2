package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/app"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitFatal   = 3 // a server ended itself: its restart is the recovery
)

// Process is what a command line runs in.
type Process struct {
	Args   []string // without the program's name
	In     io.Reader
	Out    io.Writer
	Err    io.Writer
	Env    []string
	Server app.Options // parts that servers get in place of those of the configuration
}

// OS is the process as the operating system gives it.
func OS() Process {
	return Process{Args: os.Args[1:], In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Environ()}
}

// Run runs the command line and gives the exit code. SIGINT and SIGTERM end a command; servers handle them on their own.
func Run(p Process) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := &shell{Process: p}
	root := s.root()
	root.SetArgs(p.Args)
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	var code exitCode
	if errors.As(err, &code) {
		return int(code)
	}
	usage := !s.began || errors.As(err, new(usageError))
	s.complain(cmd, err, usage)
	if usage {
		return exitUsage
	}
	return exitFailure
}

// exitCode ends a command that has said everything itself.
type exitCode int

func (exitCode) Error() string { return "the command failed" }

// usageError is an error of the command line: what was typed, not what was found.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// shell is what the commands share.
type shell struct {
	Process
	began bool // the command line was understood

	address, namespace, token string
	output                    string
}

// root is the whole command tree.
func (s *shell) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "aion",
		Short:         "Durable workflows: run a server, build and deploy workflow packages, start and look at runs",
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			s.began = true
			return s.checkOutput()
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Use: "no-help", Hidden: true})
	root.SetHelpCommandGroupID("serve")
	flags := root.PersistentFlags()
	flags.StringVar(&s.address, "address", "", "server to call, host:port or URL (AION_ADDRESS; default 127.0.0.1:7470)")
	flags.StringVarP(&s.namespace, "namespace", "n", "", "namespace (AION_NAMESPACE; default: the server's)")
	flags.StringVar(&s.token, "token", "", "bearer token (AION_TOKEN)")
	flags.StringVarP(&s.output, "output", "o", "text", "text, or json for machines")
	s.completeOutput(root)

	groups := []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"code", "Write and deploy workflows:", []*cobra.Command{s.newCommand(), s.devCommand(), s.buildCommand(), s.deployCommand(), s.packageCommand(), s.replayCommand()}},
		{"runs", "Work with runs:", []*cobra.Command{
			s.startCommand(), s.resultCommand(), s.signalCommand(), s.updateCommand(), s.queryCommand(), s.cancelCommand(), s.terminateCommand(), s.pauseCommand(), s.resumeCommand(), s.forkCommand(), s.listCommand(), s.countCommand(),
			s.describeCommand(), s.historyCommand(), s.watchCommand(), s.repinCommand(),
		}},
		{"serve", "Run and look after a server:", []*cobra.Command{
			s.serverCommand(), s.namespaceCommand(), s.scheduleCommand(), s.workerCommand(), s.queueCommand(), s.activityCommand(), s.configCommand(), s.migrateCommand(), s.healthCommand(), s.doctorCommand(), s.tokenCommand(), s.auditCommand(), s.benchCommand(), s.completionCommand(), s.versionCommand(),
		}},
	}
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			root.AddCommand(c)
		}
	}
	return root
}

// variable is an environment variable of the process; the last one of a name counts.
func (s *shell) variable(name string) string {
	value := ""
	for _, entry := range s.Env {
		if len(entry) > len(name) && entry[:len(name)] == name && entry[len(name)] == '=' {
			value = entry[len(name)+1:]
		}
	}
	return value
}
