package cli

import (
	"bytes"
	"strings"
	"testing"
)

// 0 when it worked, 1 when it did not, 2 when the command line was wrong; results on standard output, everything else on standard error.
func TestExitCodes(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	for line, c := range map[string]struct {
		code int
		out  string // begins with, "" for nothing
		err  string
	}{
		"version":                        {exitOK, "aion ", ""},
		"list --address " + port:         {exitFailure, "", "error: no server answers at http://" + port},
		"list --address ftp://x":         {exitUsage, "", `error: aion list: --address "ftp://x" is no address`},
		"nonsense":                       {exitUsage, "", `error: aion: unknown command "nonsense"`},
		"list too many":                  {exitUsage, "", "error: aion list: "},
		"list --nonsense":                {exitUsage, "", "error: aion list: unknown flag"},
		"list --output xml":              {exitUsage, "", `error: aion list: --output "xml"`},
		"start T --input {":              {exitUsage, "", "error: aion start: --input is not valid JSON"},
		"server --set log.level=loud":    {exitFailure, "", "error: configuration: log.level (AION_LOG__LEVEL)"},
		"server --set loud":              {exitUsage, "", "error: aion server: --set"},
		"replay none.aion none.jsonl":    {exitFailure, "", "error: "},
		"list -o json --address " + port: {exitFailure, "", `{"error":{"hint":"start one`},
	} {
		t.Run(line, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := Run(Process{Args: strings.Fields(line), In: strings.NewReader(""), Out: &out, Err: &errs})
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if !strings.HasPrefix(out.String(), c.out) || c.out == "" && out.Len() > 0 {
				t.Errorf("standard output: %q", out.String())
			}
			if !strings.HasPrefix(errs.String(), c.err) || c.err == "" && errs.Len() > 0 {
				t.Errorf("standard error: %q", errs.String())
			}
		})
	}
}
