package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/domain/fault"
)

// complain prints an error: what happened and why, and below it what to do.
func (s *shell) complain(cmd *cobra.Command, err error, usage bool) {
	if usage {
		err = fault.Wrap(fault.InvalidInput, err, "%s", cmd.CommandPath()).Hinted("%s --help shows how it is used", cmd.CommandPath())
	}
	message, hint, reason := explain(err)
	if s.output == "json" {
		line, _ := json.Marshal(map[string]any{"error": map[string]string{"reason": reason.String(), "message": message, "hint": hint}})
		fmt.Fprintf(s.Err, "%s\n", line)
		return
	}
	fmt.Fprintf(s.Err, "error: %s\n", message)
	if hint != "" {
		fmt.Fprintf(s.Err, "  hint: %s\n", hint)
	}
}

// explain takes an error apart. Hints deeper in the chain stand in the message already, except the first one, which stands alone.
func explain(err error) (message, hint string, reason fault.Reason) {
	message, reason = err.Error(), fault.ReasonOf(err)
	var f *fault.Error
	for e := err; errors.As(e, &f); e = f.Err {
		if f.Hint != "" {
			hint = f.Hint
			message = strings.Replace(message, " ("+hint+")", "", 1)
			break
		}
		if f.Err == nil {
			break
		}
	}
	return message, hint, reason
}
