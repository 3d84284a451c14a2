package cli

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) pauseCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "pause WORKFLOW", Short: "Hold a workflow: what arrives is recorded, nothing of it runs"}
	return s.endCommand(cmd, "paused", func(ctx context.Context, server *server, r ports.EndRequest) (model.RunID, proto.Message, error) {
		run, err := server.Pause(ctx, r)
		return run, &aionv1.PauseWorkflowResponse{RunId: string(run)}, err
	})
}

func (s *shell) resumeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "resume WORKFLOW", Short: "Let a paused workflow go on"}
	return s.endCommand(cmd, "resumed", func(ctx context.Context, server *server, r ports.EndRequest) (model.RunID, proto.Message, error) {
		run, err := server.Resume(ctx, r)
		return run, &aionv1.ResumeWorkflowResponse{RunId: string(run)}, err
	})
}
