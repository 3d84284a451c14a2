package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/domain/model"
)

// bindInput adds --input.
func bindInput(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVarP(to, "input", "i", "", "the value, as JSON; @file reads it from a file, - from standard input")
}

// input reads a value: JSON, @file or -. Without one there is no value.
func (s *shell) input(text string) (model.Payload, error) {
	if text == "" {
		return model.Payload{}, nil
	}
	source, data := "--input", []byte(text)
	var err error
	switch {
	case text == "-":
		source = "standard input"
		data, err = io.ReadAll(s.In)
	case strings.HasPrefix(text, "@"):
		source = text[1:]
		data, err = os.ReadFile(source)
	}
	if err != nil {
		return model.Payload{}, usageError{err}
	}
	data = bytes.TrimSpace(data)
	if err := checkJSON(data); err != nil {
		hint := ""
		if source == "--input" {
			hint = fmt.Sprintf(`; a text is written with quotes: --input '"%s"'`, strings.ReplaceAll(firstWords(text), `"`, `\"`))
		}
		return model.Payload{}, usageError{fmt.Errorf("%s is not valid JSON: %w%s", source, err, hint)}
	}
	return model.Payload{ContentType: model.ContentTypeJSON, Data: data}, nil
}

func firstWords(s string) string {
	if len(s) > 20 {
		return "…"
	}
	return s
}

// checkJSON says what is wrong with a text that is no JSON, and where.
func checkJSON(b []byte) error {
	if len(b) == 0 {
		return errors.New("it is empty")
	}
	var v json.RawMessage
	err := json.Unmarshal(b, &v)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at := max(int(min(syntax.Offset, int64(len(b))))-1, 0)
		line := bytes.Count(b[:at], []byte{'\n'}) + 1
		column := at - bytes.LastIndexByte(b[:at], '\n')
		return fmt.Errorf("%w (line %d, column %d)", err, line, column)
	}
	return err
}
