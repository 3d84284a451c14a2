package cli

import (
	"bufio"
	"fmt"
	"os"
	"time"

	"github.com/aionrun/aion/app"
	"github.com/aionrun/aion/domain/history"
)

// boundaryLine is an activation for machines.
type boundaryLine struct {
	Activation int       `json:"activation"`
	Time       time.Time `json:"time"`
	Given      []uint32  `json:"given"`
	Did        []string  `json:"did"`
}

// showBoundary shows one activation of a replay. On a terminal the next one waits for the Enter key.
func (s *shell) showBoundary(b app.Boundary) error {
	if s.asJSON() {
		l := boundaryLine{Activation: b.Number, Time: b.At, Given: []uint32{}, Did: []string{}}
		for _, e := range b.Given {
			l.Given = append(l.Given, uint32(e.Seq))
		}
		for _, c := range b.Did {
			l.Did = append(l.Did, history.Describe(c))
		}
		return s.value(l)
	}
	fmt.Fprintf(s.Out, "activation %d at %s\n", b.Number, b.At.UTC().Format(time.RFC3339Nano))
	for _, e := range b.Given {
		fmt.Fprintf(s.Out, "  given  event %d  %s\n", e.Seq, history.Describe(e.Attr))
	}
	for _, c := range b.Did {
		fmt.Fprintf(s.Out, "  did    %s\n", history.Describe(c))
	}
	if len(b.Did) == 0 {
		fmt.Fprintln(s.Out, "  did    nothing")
	}
	if f, ok := s.In.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 && info.Name() != "null" {
			fmt.Fprint(s.Err, "Enter goes on ")
			_, _ = bufio.NewReader(f).ReadString('\n')
		}
	}
	return nil
}
