package cli

import (
	"fmt"

	"github.com/aionrun/aion/ports"
)

// children shows the open children of a run, and the parent of a child.
func (s *shell) children(d ports.Description) error {
	if d.Parent != nil {
		fmt.Fprintf(s.Out, "\nparent: %s (run %s)\n", d.Parent.WorkflowID, d.Parent.Run)
	}
	if len(d.Children) == 0 {
		return nil
	}
	fmt.Fprintln(s.Out)
	rows := [][]string{{"CHILD", "TYPE", "WORKFLOW ID", "STATE"}}
	for _, c := range d.Children {
		state := "running"
		switch {
		case c.Canceling:
			state = "canceling"
		case c.Run == "":
			state = "starting"
		}
		rows = append(rows, []string{fmt.Sprint(c.Ordinal), string(c.Type), string(c.WorkflowID), state})
	}
	return s.table(rows)
}
