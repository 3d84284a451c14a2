package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) updateCommand() *cobra.Command {
	var in, run, id string
	var accepted bool
	var with startFlags
	cmd := &cobra.Command{
		Use: "update WORKFLOW NAME", Short: "Ask a workflow to do something, and print its answer", Args: cobra.ExactArgs(2),
		Example: `  aion update order-7 change-address --input '{"city":"Rome"}'
  aion update order-7 change-address --input @address.json --update-id 7f3a --accepted
  aion result order-7 --update 7f3a --wait
  aion update cart-7 add --input '{"item":"tea"}' --with-start Cart`,
		RunE: func(cmd *cobra.Command, args []string) error {
			start, err := with.given(cmd)
			if err != nil {
				return err
			}
			value, err := s.input(in)
			if err != nil {
				return err
			}
			server, err := s.dial()
			if err != nil {
				return err
			}
			if id == "" {
				id = uuid.NewString() // so that a repetition does nothing a second time
			}
			wait := firstWait
			if accepted {
				wait = 0
			}
			var status ports.UpdateStatus
			if start {
				if run != "" {
					return usageError{errors.New("--run and --with-start: a run that is named is not started")}
				}
				r, err := with.request(s, args[0], id)
				if err != nil {
					return err
				}
				res, err := server.UpdateWithStart(cmd.Context(), ports.UpdateStartRequest{Start: r, ID: model.UpdateID(id), Name: model.UpdateName(args[1]), Input: value, Wait: wait})
				if err != nil {
					return server.failed(err)
				}
				if res.Start.Started {
					s.reportStart(r, res.Start)
				}
				status = res.Update
			} else if status, err = server.Update(cmd.Context(), ports.UpdateRequest{
				Ref: s.ref(args[0], run), ID: model.UpdateID(id), Name: model.UpdateName(args[1]), Input: value, Wait: wait,
			}); err != nil {
				return server.failed(err)
			}
			s.say("update %s accepted by workflow %s, run %s", status.ID, args[0], status.Run)
			if !accepted {
				if status, err = s.awaitUpdate(cmd.Context(), server, args[0], status, 0); err != nil {
					return err
				}
			}
			return s.concludeUpdate(args[0], status, accepted)
		},
	}
	bindInput(cmd, &in)
	bindRun(cmd, &run)
	cmd.Flags().StringVar(&id, "update-id", "", "a repeated update with the same ID is done once, and gets the same answer")
	cmd.Flags().BoolVar(&accepted, "accepted", false, "return when the update is accepted, not when it is done")
	with.bind(cmd)
	return cmd
}

// awaitUpdate waits until an update is completed, its run is Blocked, or the limit has passed; 0 is without an end.
func (s *shell) awaitUpdate(ctx context.Context, server *server, workflow string, status ports.UpdateStatus, limit time.Duration) (ports.UpdateStatus, error) {
	until := time.Now().Add(limit)
	for status.Stage != ports.UpdateCompleted && status.Blocked == nil {
		wait := laterWait
		if limit > 0 {
			if wait = min(wait, time.Until(until)); wait <= 0 {
				return status, nil
			}
		}
		next, err := server.GetUpdate(ctx, ports.GetUpdateRequest{Ref: s.ref(workflow, string(status.Run)), ID: status.ID, Wait: wait})
		if err != nil {
			return status, server.failed(err)
		}
		status = next
	}
	return status, nil
}

// updateResult prints how an accepted update stands.
func (s *shell) updateResult(ctx context.Context, server *server, workflow, run, id string, wait bool, limit time.Duration) error {
	status, err := server.GetUpdate(ctx, ports.GetUpdateRequest{Ref: s.ref(workflow, run), ID: model.UpdateID(id)})
	if err != nil {
		return server.failed(err)
	}
	if wait {
		if status, err = s.awaitUpdate(ctx, server, workflow, status, limit); err != nil {
			return err
		}
	}
	return s.concludeUpdate(workflow, status, false)
}

// concludeUpdate prints how an update stands; one that is not completed is no success unless its acceptance is all that was asked for.
func (s *shell) concludeUpdate(workflow string, u ports.UpdateStatus, acceptance bool) error {
	done := u.Stage == ports.UpdateCompleted && u.Failure == nil
	if s.asJSON() {
		if err := s.message(&aionv1.GetUpdateResponse{Update: wire.EncodeUpdateStatus(u)}); err != nil {
			return err
		}
		return failedUnless(done || acceptance && u.Stage == ports.UpdateAccepted)
	}
	switch {
	case done:
		text, err := payload(u.Result)
		if err == nil {
			_, err = fmt.Fprintln(s.Out, text)
		}
		return err
	case u.Failure != nil:
		s.say("error: update %s failed: %s", u.ID, u.Failure.Message)
	case u.Blocked != nil:
		s.say("error: update %s is accepted, but workflow %s is Blocked (%s): %s", u.ID, workflow, u.Blocked.What, u.Blocked.Message)
		s.say("hint: aion describe %s shows more; the update goes on when the workflow does", workflow)
	case acceptance:
		_, err := fmt.Fprintf(s.Out, "%s\n", u.ID)
		return err
	default:
		s.say("error: update %s is accepted and not completed", u.ID)
		s.say("hint: aion result %s --update %s --wait", workflow, u.ID)
	}
	return exitCode(exitFailure)
}
