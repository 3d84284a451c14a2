package cli

import (
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
)

func (s *shell) activityCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "activity", Short: "End activities that are pending, by their token", Args: cobra.NoArgs, RunE: help}
	cmd.AddCommand(s.activityComplete(), s.activityFail(), s.activityHeartbeat())
	return cmd
}

func (s *shell) activityComplete() *cobra.Command {
	var result, requestID string
	cmd := &cobra.Command{
		Use: "complete TOKEN", Short: "Complete an activity with a result; it is recorded when the command returns", Args: cobra.ExactArgs(1),
		Example: `  aion activity complete "$TOKEN" --result '{"approved":true}'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := s.input(result)
			if err != nil {
				return err
			}
			token, err := taskToken(args[0])
			if err != nil {
				return err
			}
			server, err := s.dial()
			if err != nil {
				return err
			}
			ref, err := server.CompleteActivity(cmd.Context(), ports.ActivityResult{Namespace: s.ns(), Token: token, Result: value, RequestID: requestIDOr(requestID)})
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(&aionv1.CompleteActivityResponse{WorkflowId: string(ref.WorkflowID), RunId: string(ref.Run)})
			}
			s.say("the activity is completed for workflow %s, run %s", ref.WorkflowID, ref.Run)
			return nil
		},
	}
	cmd.Flags().StringVar(&result, "result", "", "the result as JSON; @FILE reads a file, - standard input")
	bindRequestID(cmd, &requestID)
	return cmd
}

func (s *shell) activityFail() *cobra.Command {
	var message, typ, details, requestID string
	var final, canceled bool
	var after time.Duration
	cmd := &cobra.Command{
		Use: "fail TOKEN", Short: "Fail an attempt of an activity; its retry policy says what follows", Args: cobra.ExactArgs(1),
		Example: `  aion activity fail "$TOKEN" --type card_declined --message 'no cover' --non-retryable`,
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := s.input(details)
			if err != nil {
				return err
			}
			token, err := taskToken(args[0])
			if err != nil {
				return err
			}
			if canceled {
				if typ != "" {
					return usageError{errors.New("--canceled and --type exclude each other")}
				}
				typ = model.FailureCanceled
			}
			if after < 0 {
				return usageError{errors.New("--retry-after must not be negative")}
			}
			server, err := s.dial()
			if err != nil {
				return err
			}
			ref, err := server.FailActivity(cmd.Context(), ports.ActivityResult{Namespace: s.ns(), Token: token, NextDelay: after, RequestID: requestIDOr(requestID),
				Failure: &model.Failure{Type: typ, Message: message, Details: value, Retryable: !final && !canceled}})
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(&aionv1.FailActivityResponse{WorkflowId: string(ref.WorkflowID), RunId: string(ref.Run)})
			}
			s.say("the failure is recorded for workflow %s, run %s", ref.WorkflowID, ref.Run)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&message, "message", "", "what went wrong")
	f.StringVar(&typ, "type", "", "the error's type, by which the workflow knows it")
	f.StringVar(&details, "details", "", "a value for the workflow as JSON; @FILE reads a file, - standard input")
	f.BoolVar(&final, "non-retryable", false, "do not attempt the activity again")
	f.BoolVar(&canceled, "canceled", false, "it has stopped because the workflow canceled it")
	f.DurationVar(&after, "retry-after", 0, "pause before the next attempt, instead of the retry policy's")
	bindRequestID(cmd, &requestID)
	return cmd
}

func (s *shell) activityHeartbeat() *cobra.Command {
	var details string
	cmd := &cobra.Command{
		Use: "heartbeat TOKEN", Short: "Say that an attempt of an activity is alive, and hear whether it should stop", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := s.input(details)
			if err != nil {
				return err
			}
			token, err := taskToken(args[0])
			if err != nil {
				return err
			}
			server, err := s.dial()
			if err != nil {
				return err
			}
			canceled, err := server.HeartbeatActivity(cmd.Context(), ports.ActivityBeat{Namespace: s.ns(), Token: token, Details: value})
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(&aionv1.HeartbeatActivityResponse{CancelRequested: canceled})
			}
			if canceled {
				s.say("the workflow has canceled the activity: stop, and answer with aion activity fail TOKEN --canceled")
				return nil
			}
			s.say("the heartbeat is noted")
			return nil
		},
	}
	cmd.Flags().StringVar(&details, "details", "", "how far it is, as JSON; @FILE reads a file, - standard input")
	return cmd
}

func taskToken(text string) ([]byte, error) {
	b, err := activity.DecodeToken(text)
	if err != nil {
		return nil, usageError{err}
	}
	return b, nil
}

func bindRequestID(cmd *cobra.Command, id *string) {
	cmd.Flags().StringVar(id, "request-id", "", "a repeated call with the same request ID takes effect once")
}

func requestIDOr(id string) model.RequestID {
	if id == "" {
		id = uuid.NewString()
	}
	return model.RequestID(id)
}
