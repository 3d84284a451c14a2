package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/app/jsonform"
	"github.com/aionrun/aion/domain/model"
)

func (s *shell) checkOutput() error {
	if s.output != "text" && s.output != "json" {
		wrong := s.output
		s.output = "text"
		return usageError{fmt.Errorf("--output %q: must be text or json", wrong)}
	}
	return nil
}

func (s *shell) completeOutput(root *cobra.Command) {
	// The only error is a flag that does not exist.
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
}

func (s *shell) asJSON() bool { return s.output == "json" }

// message prints a message of the wire contract as one line of JSON.
func (s *shell) message(m proto.Message) error {
	line, err := jsonform.MarshalAll(m)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "%s\n", line)
	return err
}

// say prints a line for people on standard error.
func (s *shell) say(format string, a ...any) {
	fmt.Fprintf(s.Err, format+"\n", a...)
}

// payload is a value as it is shown: text as it is, anything else as JSON that says what it is.
func payload(p model.Payload) (string, error) {
	if p.IsZero() {
		return "null", nil
	}
	if (p.ContentType == model.ContentTypeJSON || strings.HasPrefix(p.ContentType, "text/")) && len(p.Metadata) == 0 {
		return string(p.Data), nil
	}
	b, err := jsonform.Payload(wire.EncodePayload(p))
	return string(b), err
}

// table prints rows in columns, the first one as a heading.
func (s *shell) table(rows [][]string) error {
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(r, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// instant is a time for people, in their time zone.
func instant(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// short is enough of a package hash to name it.
func short(h model.PackageHash) string {
	if len(h) > 12 {
		return string(h[:12])
	}
	return string(h)
}

// bytesText is a size for people.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// plural is n and the noun for it.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// value prints a value as one line of JSON.
func (s *shell) value(v any) error {
	e := json.NewEncoder(s.Out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
