package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor [TYPE]", Short: "Check the way to the server and, for a workflow type, its route and its workers", Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: s.completeTypes,
		RunE: func(cmd *cobra.Command, args []string) error {
			d := &doctor{shell: s}
			d.examine(cmd.Context(), append(args, "")[0])
			return failedUnless(!d.sick)
		},
	}
}

// doctor looks at one thing after another, and stops where nothing behind can be looked at.
type doctor struct {
	*shell
	sick bool
}

// The largest differences of clocks and the longest answers that nobody needs to hear of.
const (
	clockSkew  = time.Second
	slowAnswer = 500 * time.Millisecond
)

func (d *doctor) examine(ctx context.Context, workflowType string) {
	server, err := d.dial()
	if err != nil {
		d.bad("address", err)
		return
	}
	began := time.Now()
	who, err := server.WhoAmI(ctx)
	took := time.Since(began)
	if err != nil {
		d.bad("server", server.failed(err))
		return
	}
	d.tell(took < slowAnswer, "server", "%s answers in %v, version %s", server.url, took.Round(10*time.Microsecond), who.GetServerVersion())
	d.tell(true, "identity", "you are %s (auth.mode = %s)", who.GetSubject(), who.GetAuthMode())
	if v := who.GetServerVersion(); v != Version() {
		d.tell(true, "version", "this is %s", Version())
	}
	skew := wire.DecodeTime(who.GetServerTime()).Sub(began.Add(took / 2))
	d.tell(skew.Abs() < clockSkew, "clock", "the server's is %v from this machine's", skew.Round(time.Millisecond))

	workers, err := server.Workers(ctx, d.ns())
	if err != nil {
		d.bad("workers", server.failed(err))
		return
	}
	d.tell(len(workers) > 0, "workers", "%s connected", plural(len(workers), "worker"))
	if workflowType != "" {
		d.examineType(ctx, server, model.WorkflowType(workflowType), workers)
	}
}

// examineType looks for the route of a type, and for a worker for each activity that its package declares.
func (d *doctor) examineType(ctx context.Context, server *server, t model.WorkflowType, workers []ports.WorkerStatus) {
	routes, err := server.Routes(ctx)
	if err != nil {
		d.bad("route", server.failed(err))
		return
	}
	i := slices.IndexFunc(routes, func(r ports.Route) bool { return r.Type == t })
	if i < 0 {
		d.tell(false, "route", "no package is routed for %s; aion deploy DIR deploys one, aion package list shows what is there", t)
		return
	}
	p, err := server.Package(ctx, string(routes[i].Package))
	if err != nil {
		d.bad("route", server.failed(err))
		return
	}
	d.tell(true, "route", "%s → %s (%s)", t, short(p.Hash), p.Name)
	for _, a := range p.ActivityTypes {
		served := slices.ContainsFunc(workers, func(w ports.WorkerStatus) bool { return slices.Contains(w.Registered.ActivityTypes, a) && !w.Draining })
		if served {
			d.tell(true, "activity", "%s has a worker", a)
		} else {
			d.tell(false, "activity", "no worker serves %s: runs that need it wait", a)
		}
	}
}

func (d *doctor) bad(what string, err error) {
	message, hint, _ := explain(err)
	if hint != "" {
		message += "; " + hint
	}
	d.tell(false, what, "%s", message)
}

func (d *doctor) tell(ok bool, what, format string, a ...any) {
	text := fmt.Sprintf(format, a...)
	d.sick = d.sick || !ok
	if d.asJSON() {
		// What cannot be printed cannot be told.
		_ = d.value(map[string]any{"check": what, "ok": ok, "detail": text})
		return
	}
	mark := "ok  "
	if !ok {
		mark = "BAD "
	}
	fmt.Fprintf(d.Out, "%s  %-9s %s\n", mark, what, text)
}
