package config

import (
	"fmt"
	"strings"
)

// sectionTexts introduce the sections of the reference.
var sectionTexts = map[string]string{
	"server":     "Where the server listens, and what it takes in.",
	"store":      "Where histories are kept.",
	"runtime":    "What workflow code may use.",
	"engine":     "The core.",
	"worker":     "When a worker counts as lost.",
	"events":     "Event streams.",
	"deploy":     "The upload of workflow packages.",
	"namespaces": "Tenants.",
	"auth":       "Who is believed. Naming tokens or keys that the chosen mode does not look at is refused, so that nobody relies on them.",
	"audit":      "What is recorded of changes and refusals. The log gets each record at once; the store, which `aion audit list` reads, soon after.",
	"limits":     "What callers may ask for.",
	"retention":  "How long things are kept.",
	"drain":      "How the server stops.",
	"telemetry":  "Metrics and traces.",
	"log":        "Log lines, on standard error.",
}

// Reference is the documentation of all keys, in Markdown: the page docs/configuration.md and `aion config reference`.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Configuration

<!-- Generated from app/config by "go test ./app/config -update". Change it there. -->

Every key has a default that works, so a server needs no configuration at all. A value is taken from the last of these that has it:

1. the default
2. the configuration file, TOML or YAML by its extension (` + "`.toml`, `.yaml`, `.yml`" + `)
3. the environment: ` + "`AION_`, the section, two underscores, the rest: `AION_SERVER__ADDRESS` sets `server.address`" + `
4. command-line flags

` + "`aion config print`" + ` shows the values in use and where each came from, ` + "`aion config reference`" + ` prints this page.

An unknown key or ` + "`AION_`" + ` variable stops the start, with the nearest known one in the error; so does a value that cannot work. The error
names the key and its environment variable, and all problems are reported at once.

- A *duration* is written with its unit: ` + "`30s`, `10m`, `720h`" + `.
- A *size* is in bytes, with or without a unit: ` + "`64MiB`, `1GiB`, `1048576`" + `; ` + "`KiB`, `MiB`, `GiB`, `TiB` are powers of 1024, `kB`, `MB`, `GB`, `TB` of 1000" + `.
- A *list* is a list in a file, and separated by commas in the environment and in flags.

The same settings in TOML, in YAML and in the environment:

` + "```toml" + `
[server]
address = "127.0.0.1:7480"
max_request_bytes = "16MiB"

[engine]
query_timeout = "5s"
` + "```" + `

` + "```yaml" + `
server:
  address: 127.0.0.1:7480
  max_request_bytes: 16MiB
engine:
  query_timeout: 5s
` + "```" + `

` + "```sh" + `
AION_SERVER__ADDRESS=127.0.0.1:7480
AION_SERVER__MAX_REQUEST_BYTES=16MiB
AION_ENGINE__QUERY_TIMEOUT=5s
` + "```" + `

` + "`AION_ADDRESS`, `AION_NAMESPACE`, `AION_TOKEN`, `AION_TOKEN_FILE` and `AION_TLS_*`" + ` are not keys: clients, workers and the command line read them to find and reach
a server.

On Kubernetes a Service named ` + "`aion`" + ` makes its pods' environment hold variables such as ` + "`AION_PORT`" + `, which are no keys: set
` + "`enableServiceLinks: false`" + ` in the pod.
`)
	section := ""
	for _, k := range keys {
		if k.Section() != section {
			section = k.Section()
			fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| key, variable | default | values | meaning |\n| --- | --- | --- | --- |\n", section, sectionTexts[section])
		}
		meaning := k.Meaning
		if k.Secret() {
			meaning += " Secret: a password in it is masked where it is printed."
		}
		fmt.Fprintf(&b, "| `%s`<br>`%s` | %s | %s | %s |\n", k.Name, k.Variable(), k.documentedDefault(), k.Values, meaning)
	}
	return b.String()
}

func (k Key) documentedDefault() string {
	switch {
	case k.defaultNote != "":
		return k.defaultNote
	case k.Default == "":
		return "none"
	}
	return "`" + k.Default + "`"
}

// Print shows each value in use and where it came from, as TOML with comments; secrets are masked.
func (e Effective) Print() string {
	left := make([]string, len(e.Entries))
	width := 0
	for i, entry := range e.Entries {
		left[i] = entry.Key + " = " + entry.Value
		width = max(width, min(len(left[i]), 60))
	}
	var b strings.Builder
	for i, entry := range e.Entries {
		fmt.Fprintf(&b, "%-*s  # %s\n", width, left[i], entry.Source)
	}
	return b.String()
}
