package config_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/domain/fault"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

// write puts text into a file of the test's own and gives its name.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// wantError checks that err is about bad input and says all of want.
func wantError(t *testing.T, err error, want ...string) {
	t.Helper()
	if !fault.Has(err, fault.InvalidInput) {
		t.Fatalf("error %v, want one of the reason %s", err, fault.InvalidInput)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %s", w, err)
		}
	}
}

// A server starts without any configuration, and the defaults are the documented ones.
func TestDefaults(t *testing.T) {
	e, err := config.Load(config.Input{})
	if err != nil {
		t.Fatal(err)
	}
	c := e.Config
	if !reflect.DeepEqual(c, config.Default()) {
		t.Error("Default differs from what Load gives without input")
	}
	for _, v := range []struct {
		name      string
		got, want any
	}{
		{"server.address", c.Server.Address, "127.0.0.1:7470"},
		{"server.admin_address", c.Server.AdminAddress, "127.0.0.1:7471"},
		{"server.max_request_bytes", c.Server.MaxRequestBytes, int64(8 << 20)},
		{"store.url", c.Store.URL, "file:aion.db"},
		{"runtime.step_fuel", c.Runtime.StepFuel, int64(1e8)},
		{"runtime.memory_bytes", c.Runtime.MemoryBytes, int64(128 << 20)},
		{"runtime.cache_bytes", c.Runtime.CacheBytes, int64(1 << 30)},
		{"engine.query_timeout", c.Engine.QueryTimeout, 10 * time.Second},
		{"worker.heartbeat_window", c.Worker.HeartbeatWindow, 30 * time.Second},
		{"worker.reattach_window", c.Worker.ReattachWindow, 5 * time.Second},
		{"events.buffer", c.Events.Buffer, 256},
		{"deploy.enabled", c.Deploy.Enabled, true},
		{"deploy.max_archive_bytes", c.Deploy.MaxArchiveBytes, int64(64 << 20)},
		{"deploy.max_inflated_bytes", c.Deploy.MaxInflatedBytes, int64(256 << 20)},
		{"namespaces.mode", c.Namespaces.Mode, config.NamespacesShared},
		{"namespaces.default", c.Namespaces.Default, "default"},
		{"namespaces.auto_create", c.Namespaces.AutoCreate, true},
		{"auth.mode", c.Auth.Mode, config.AuthDev},
		{"limits.payload_bytes", c.Limits.PayloadBytes, int64(2 << 20)},
		{"limits.pending_activities", c.Limits.PendingActivities, 10000},
		{"limits.page_size", c.Limits.PageSize, 1000},
		{"retention.default", c.Retention.Default, 720 * time.Hour},
		{"drain.timeout", c.Drain.Timeout, 30 * time.Second},
		{"telemetry.metrics", c.Telemetry.Metrics, true},
		{"telemetry.traces", c.Telemetry.Traces, false},
		{"log.level", c.Log.Level, "info"},
		{"log.format", c.Log.Format, "auto"},
	} {
		if v.got != v.want {
			t.Errorf("%s is %v, want %v", v.name, v.got, v.want)
		}
	}
	for _, entry := range e.Entries {
		if entry.Source != "default" {
			t.Errorf("%s comes from %s", entry.Key, entry.Source)
		}
	}
}

// others has a value for each key that is not its default: as text, and as TOML where that looks different from quoted text.
var others = map[string]struct{ text, toml string }{
	"server.address":                    {text: "127.0.0.2:80"},
	"server.admin_address":              {text: ":9090"},
	"server.tls.cert_file":              {text: "a.crt"},
	"server.tls.key_file":               {text: "a.key"},
	"server.tls.client_ca_file":         {text: "ca.crt"},
	"server.cors_origins":               {"https://a.example,http://b.example:81", `["https://a.example", "http://b.example:81"]`},
	"server.max_request_bytes":          {"16777216", "16777216"},
	"store.backend":                     {text: "memory"},
	"store.url":                         {text: "file:/x/y.db"},
	"runtime.packages":                  {"a.aion, b.aion", `["a.aion", "b.aion"]`},
	"runtime.step_fuel":                 {"2e8", "2e8"},
	"runtime.memory_bytes":              {text: "64MiB"},
	"runtime.cache_dir":                 {text: "/x/cache"},
	"runtime.cache_bytes":               {text: "64MiB"},
	"engine.query_timeout":              {text: "3s"},
	"engine.resident_bytes":             {text: "1GiB"},
	"worker.heartbeat_window":           {text: "1m"},
	"worker.reattach_window":            {text: "500ms"},
	"events.buffer":                     {"7", "7"},
	"deploy.enabled":                    {"false", "false"},
	"deploy.max_archive_bytes":          {text: "32MiB"},
	"deploy.max_inflated_bytes":         {text: "1GiB"},
	"namespaces.mode":                   {text: "single"},
	"namespaces.default":                {text: "shop"},
	"namespaces.auto_create":            {"false", "false"},
	"auth.mode":                         {text: "token"},
	"auth.allow_anonymous_non_loopback": {"true", "true"},
	"auth.tokens_file":                  {text: "tokens.toml"},
	"auth.jwks.url":                     {text: "https://id.example/keys"},
	"auth.jwks.issuer":                  {text: "https://id.example"},
	"auth.jwks.audiences":               {"aion", `["aion"]`},
	"auth.jwks.algorithms":              {"EdDSA", `["EdDSA"]`},
	"auth.jwks.clock_skew":              {text: "0s"},
	"auth.jwks.refresh_interval":        {text: "1m"},
	"auth.jwks.subject_claim":           {text: "email"},
	"auth.jwks.grants_claim":            {text: "aion"},
	"auth.jwks.grants":                  {"groups:a=admin@*,scope:b=reader@shop-*", `["groups:a=admin@*", "scope:b=reader@shop-*"]`},
	"audit.mode":                        {text: "off"},
	"audit.retention":                   {text: "24h"},
	"audit.max_records":                 {"500", "500"},
	"limits.payload_bytes":              {text: "1MiB"},
	"limits.pending_activities":         {"5", "5"},
	"limits.page_size":                  {"10", "10"},
	"retention.default":                 {text: "1h30m"},
	"drain.timeout":                     {text: "1s"},
	"telemetry.metrics":                 {"false", "false"},
	"telemetry.traces":                  {"true", "true"},
	"log.level":                         {text: "debug"},
	"log.format":                        {text: "json"},
}

// leaves lists the values in the configuration's struct by their path.
func leaves(v reflect.Value, path string, out map[string]any) map[string]any {
	for i := range v.NumField() {
		field, name := v.Field(i), path+"."+v.Type().Field(i).Name
		if field.Kind() == reflect.Struct {
			leaves(field, name, out)
		} else {
			out[name] = field.Interface()
		}
	}
	return out
}

// Every key can be set by file, environment and flag, with the same effect on one field of its own; together they fill every
// field; and every key stands in the reference.
func TestEveryKey(t *testing.T) {
	reference := config.Reference()
	defaults := leaves(reflect.ValueOf(config.Default()), "", map[string]any{})
	filled := map[string]string{} // field to key
	for _, k := range config.Keys() {
		t.Run(k.Name, func(t *testing.T) {
			value, ok := others[k.Name]
			if !ok {
				t.Fatal("the test has no other value for it: add one")
			}
			if value.toml == "" {
				value.toml = fmt.Sprintf("%q", value.text)
			}
			tomlFile := write(t, "aion.toml", k.Name+" = "+value.toml+"\n")
			yamlText, depth := "", 0
			parts := strings.Split(k.Name, ".")
			for ; depth < len(parts)-1; depth++ {
				yamlText += strings.Repeat("  ", depth) + parts[depth] + ":\n"
			}
			yamlFile := write(t, "aion.yml", yamlText+strings.Repeat("  ", depth)+parts[depth]+": "+value.toml+"\n")

			var changed string
			for _, way := range []struct {
				source string
				in     config.Input
			}{
				{"file " + tomlFile, config.Input{File: tomlFile}},
				{"file " + yamlFile, config.Input{File: yamlFile}},
				{"environment " + k.Variable(), config.Input{Env: []string{"PATH=/bin", k.Variable() + "=" + value.text}}},
				{"flag", config.Input{Flags: map[string]string{k.Name: value.text}}},
			} {
				e, err := config.Read(way.in)
				if err != nil {
					t.Fatalf("%s: %s", way.source, err)
				}
				var differ []string
				got := leaves(reflect.ValueOf(e.Config), "", map[string]any{})
				for field, was := range defaults {
					if !reflect.DeepEqual(was, got[field]) {
						differ = append(differ, field)
					}
				}
				if len(differ) != 1 || changed != "" && differ[0] != changed {
					t.Fatalf("%s: changes the fields %v, want one, and the same for all sources (%s)", way.source, differ, changed)
				}
				changed = differ[0]
				i := slices.IndexFunc(e.Entries, func(x config.Entry) bool { return x.Key == k.Name })
				if e.Entries[i].Source != way.source {
					t.Errorf("comes from %q, want %q", e.Entries[i].Source, way.source)
				}
			}
			if other := filled[changed]; other != "" {
				t.Errorf("sets %s, which %s sets too", changed, other)
			}
			filled[changed] = k.Name

			for _, want := range []string{"`" + k.Name + "`", "`" + k.Variable() + "`", k.Meaning} {
				if !strings.Contains(reference, want) {
					t.Errorf("the reference lacks %q", want)
				}
			}
		})
	}
	for field := range defaults {
		if filled[field] == "" {
			t.Errorf("no key sets the field %s", field)
		}
	}
	if len(others) != len(config.Keys()) {
		t.Errorf("%d keys, %d values in the test", len(config.Keys()), len(others))
	}
}

// Defaults < file < environment < flags.
func TestPrecedence(t *testing.T) {
	in := config.Input{
		File:  write(t, "aion.toml", "[log]\nlevel = 'warn'\nformat = 'json'\n[events]\nbuffer = 1\n"),
		Env:   []string{"AION_LOG__LEVEL=error", "AION_LOG__FORMAT=text"},
		Flags: map[string]string{"log.level": "debug"},
	}
	e, err := config.Load(in)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Config.Log; got.Level != "debug" || got.Format != "text" || e.Config.Events.Buffer != 1 || e.Config.Limits.PageSize != 1000 {
		t.Errorf("got %+v, %+v", got, e.Config.Events)
	}
	printed := e.Print()
	for _, want := range []string{`log.level = "debug"`, "# flag\n", `log.format = "text"`, "# environment AION_LOG__FORMAT\n", "# file " + in.File + "\n", "limits.page_size = 1000", "# default\n"} {
		if !strings.Contains(printed, want) {
			t.Errorf("Print lacks %q:\n%s", want, printed)
		}
	}
}

// What Print gives is a configuration file with the same effect.
func TestPrintIsTOML(t *testing.T) {
	env := []string{"AION_SERVER__CORS_ORIGINS=https://a.example,https://b.example", "AION_RETENTION__DEFAULT=1h"}
	first, err := config.Read(config.Input{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	second, err := config.Read(config.Input{File: write(t, "printed.toml", first.Print())})
	if err != nil {
		t.Fatalf("%s\n%s", err, first.Print())
	}
	if !reflect.DeepEqual(first.Config, second.Config) {
		t.Errorf("got %+v, want %+v", second.Config, first.Config)
	}
}

// Unknown names are refused with the nearest known one; the variables of clients are not ours to judge.
func TestUnknownNames(t *testing.T) {
	for name, c := range map[string]struct {
		in   config.Input
		want []string
	}{
		"toml":           {config.Input{File: write(t, "a.toml", "[server]\naddr = 'x'\n")}, []string{"a.toml", "server.addr", "nearest known one is server.address"}},
		"yaml":           {config.Input{File: write(t, "a.yaml", "server:\n  tls:\n    cert: x\n")}, []string{"server.tls.cert", "server.tls.cert_file"}},
		"section as key": {config.Input{File: write(t, "a.toml", "log = 'debug'\n")}, []string{"unknown key log", "log.level"}},
		"key as section": {config.Input{File: write(t, "a.toml", "[log.level]\nx = 1\n")}, []string{"log.level.x", "log.level"}},
		"empty section":  {config.Input{File: write(t, "a.toml", "[nonsense]\n")}, []string{"unknown key nonsense"}},
		"one underscore": {config.Input{Env: []string{"AION_SERVER_ADDRESS=:1"}}, []string{"AION_SERVER_ADDRESS is unknown", "AION_SERVER__ADDRESS"}},
		"lower case":     {config.Input{Env: []string{"AION_log__level=debug"}}, []string{"AION_log__level is unknown", "AION_LOG__LEVEL"}},
		"client typo":    {config.Input{Env: []string{"AION_ADDR=:1"}}, []string{"AION_ADDR is unknown", "AION_ADDRESS"}},
		"a section":      {config.Input{Env: []string{"AION_SERVER=x", "AION_SERVER__ADDRESS=127.0.0.1:1"}}, []string{"AION_SERVER is unknown"}},
		"flag":           {config.Input{Flags: map[string]string{"log.levle": "debug"}}, []string{"log.levle", "log.level"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(c.in)
			wantError(t, err, c.want...)
		})
	}
	t.Run("fine", func(t *testing.T) {
		_, err := config.Load(config.Input{
			File: write(t, "a.yaml", "server:\nlog: {}\n"),
			Env:  []string{"AION_ADDRESS=x", "AION_NAMESPACE=x", "AION_TOKEN=x", "AION_TLS_CA_FILE=x", "HOME=/", "XAION_Y=1", "AIONX=1", "odd"},
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// A value that cannot be read is refused, naming key, variable, value and source.
func TestBadValues(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"server.address", "7470", "must be host:port"},
		{"server.address", "localhost:http", "must be host:port"},
		{"server.address", "localhost:65536", "must be host:port"},
		{"server.cors_origins", "https://a.example/x", "is no origin"},
		{"server.cors_origins", "https://a.example,", "must not have empty items"},
		{"server.max_request_bytes", "1KiB", "must be from 64KiB to 1GiB"},
		{"server.max_request_bytes", "much", "must be a size in bytes"},
		{"store.backend", "mysql", "must be one of memory, libsql, sqlite, postgres"},
		{"runtime.step_fuel", "0", "must be from 100000"},
		{"runtime.step_fuel", "1.5", "must be a whole number"},
		{"runtime.step_fuel", "99999999999999999999", "must be a whole number"},
		{"runtime.memory_bytes", "8GiB", "must be from 16MiB to 4GiB"},
		{"engine.query_timeout", "0s", "must be at least 1ms"},
		{"engine.query_timeout", "10", "must be a duration with its unit"},
		{"worker.heartbeat_window", "", "must be a duration with its unit"},
		{"worker.reattach_window", "-5s", "must be at least 1ms"},
		{"events.buffer", "0", "must be from 1 to 65536"},
		{"deploy.enabled", "maybe", "must be true or false"},
		{"namespaces.mode", "many", "must be one of shared, single"},
		{"namespaces.default", "Shop", "must be 1 to 63 of a-z"},
		{"auth.jwks.url", "id.example.com", "must be a URL"},
		{"auth.jwks.algorithms", "none", "is no algorithm of ours"},
		{"auth.jwks.algorithms", "HS256", "is no algorithm of ours"},
		{"auth.jwks.grants", "groups=admin", "is no rule"},
		{"auth.jwks.grants", "groups:a=root@*", "no role"},
		{"limits.page_size", "many", "must be a whole number"},
		{"retention.default", "0h", "must be at least 1m"},
		{"drain.timeout", "0", "must be at least 1ms"},
		{"log.level", "INFO", "must be one of debug, info, warn, error"},
	} {
		t.Run(c.key+"="+c.value, func(t *testing.T) {
			i := slices.IndexFunc(config.Keys(), func(k config.Key) bool { return k.Name == c.key })
			variable := config.Keys()[i].Variable()
			_, err := config.Load(config.Input{Env: []string{variable + "=" + c.value}})
			wantError(t, err, c.key, variable, c.want, fmt.Sprintf("%q", c.value))
		})
	}
	t.Run("types of a file", func(t *testing.T) {
		for _, line := range []string{
			"engine.query_timeout = 10", "server.address = 7470", "server.cors_origins = 1", "server.cors_origins = [1]", "deploy.enabled = 1", "events.buffer = 1.5",
			"log.level = ['info']", "limits.payload_bytes = true", "server.max_request_bytes = -1",
		} {
			_, err := config.Load(config.Input{File: write(t, "a.toml", line)})
			key, _, _ := strings.Cut(line, " ")
			wantError(t, err, key, "a.toml")
		}
		_, err := config.Load(config.Input{File: write(t, "a.yaml", "server:\n  address:\n")})
		wantError(t, err, "server.address", "not nothing")
	})
	t.Run("all at once", func(t *testing.T) {
		_, err := config.Load(config.Input{Env: []string{"AION_LOG__LEVEL=x", "AION_LOG__FORMAT=x", "AION_NONSENSE=1"}})
		wantError(t, err, "3 problems", "log.level", "log.format", "AION_NONSENSE")
	})
}

func TestBadFiles(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"missing":     {filepath.Join(t.TempDir(), "none.toml"), []string{"none.toml", "no such file"}},
		"extension":   {write(t, "aion.json", "{}"), []string{"aion.json", ".toml, .yaml or .yml"}},
		"broken toml": {write(t, "a.toml", "[log]\nlevel = \n"), []string{"a.toml, line 2"}},
		"broken yaml": {write(t, "a.yaml", "log:\n\tlevel: x\n"), []string{"a.yaml", "line 2"}},
		"yaml list":   {write(t, "b.yaml", "- a\n"), []string{"b.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(config.Input{File: c.file})
			wantError(t, err, c.want...)
		})
	}
	t.Run("empty", func(t *testing.T) {
		for _, name := range []string{"a.toml", "a.yaml"} {
			if _, err := config.Load(config.Input{File: write(t, name, "")}); err != nil {
				t.Error(err)
			}
		}
	})
}

func jwksMode(c *config.Config) {
	c.Auth.Mode = config.AuthJWKS
	c.Auth.JWKS.URL, c.Auth.JWKS.Audiences, c.Auth.JWKS.Grants = "https://id.example.com/keys", []string{"aion"}, []string{"groups:a=admin@*"}
}

// Values that are fine alone but cannot work together, in this build or on this machine stop the start.
func TestValidate(t *testing.T) {
	file := write(t, "some.pem", "x")
	for name, c := range map[string]struct {
		change func(*config.Config)
		want   []string // none: it is fine
	}{
		"same ports":          {func(c *config.Config) { c.Server.AdminAddress = c.Server.Address }, []string{"server.admin_address", "AION_SERVER__ADMIN_ADDRESS", "another port"}},
		"free ports":          {func(c *config.Config) { c.Server.Address, c.Server.AdminAddress = "127.0.0.1:0", "127.0.0.1:0" }, nil},
		"TLS without key":     {func(c *config.Config) { c.Server.TLS.CertFile = file }, []string{"server.tls.key_file", "AION_SERVER__TLS__KEY_FILE"}},
		"TLS without cert":    {func(c *config.Config) { c.Server.TLS.KeyFile = file }, []string{"server.tls.cert_file", "AION_SERVER__TLS__CERT_FILE"}},
		"client CA alone":     {func(c *config.Config) { c.Server.TLS.ClientCAFile = file }, []string{"server.tls.client_ca_file", "AION_SERVER__TLS__CLIENT_CA_FILE"}},
		"TLS":                 {func(c *config.Config) { c.Server.TLS = config.TLS{CertFile: file, KeyFile: file, ClientCAFile: file} }, nil},
		"missing certificate": {func(c *config.Config) { c.Server.TLS = config.TLS{CertFile: file + "x", KeyFile: file} }, []string{"server.tls.cert_file", "no such file"}},
		"folder as file":      {func(c *config.Config) { c.Runtime.Packages = []string{filepath.Dir(file)} }, []string{"runtime.packages", "is a folder"}},
		"missing package":     {func(c *config.Config) { c.Runtime.Packages = []string{file, "none.aion"} }, []string{"runtime.packages", "AION_RUNTIME__PACKAGES", "none.aion"}},
		"postgres":            {func(c *config.Config) { c.Store.Backend = config.BackendPostgres }, []string{"store.backend", "AION_STORE__BACKEND", "not available in this build"}},
		"remote store":        {func(c *config.Config) { c.Store.URL = "libsql://db.example.com?authToken=s3cret" }, []string{"store.url", "AION_STORE__URL", "authToken=******"}},
		"store without name":  {func(c *config.Config) { c.Store.URL = "" }, []string{"store.url", "must name a file"}},
		"store in memory":     {func(c *config.Config) { c.Store.URL = "file::memory:" }, []string{"store.url", "store.backend = memory"}},
		"memory, any URL":     {func(c *config.Config) { c.Store.Backend, c.Store.URL = config.BackendMemory, "" }, nil},
		"path as URL":         {func(c *config.Config) { c.Store.URL = "/var/lib/aion/aion.db" }, nil},
		"inflated limit":      {func(c *config.Config) { c.Deploy.MaxInflatedBytes = c.Deploy.MaxArchiveBytes - 1 }, []string{"deploy.max_inflated_bytes", "AION_DEPLOY__MAX_INFLATED_BYTES", "deploy.max_archive_bytes, 64MiB"}},
		"payload limit":       {func(c *config.Config) { c.Limits.PayloadBytes = c.Server.MaxRequestBytes }, []string{"limits.payload_bytes", "AION_LIMITS__PAYLOAD_BYTES", "server.max_request_bytes, 8MiB"}},
		"dev on all":          {func(c *config.Config) { c.Server.Address = "0.0.0.0:7470" }, []string{"server.address", "AION_SERVER__ADDRESS", "AION_AUTH__ALLOW_ANONYMOUS_NON_LOOPBACK"}},
		"dev on all, allowed": {func(c *config.Config) { c.Server.Address, c.Auth.AllowAnonymousNonLoopback = ":7470", true }, nil},
		"tokens":              {func(c *config.Config) { c.Auth.Mode, c.Auth.TokensFile = config.AuthToken, file }, nil},
		"tokens without file": {func(c *config.Config) { c.Auth.Mode = config.AuthToken }, []string{"auth.tokens_file", "AION_AUTH__TOKENS_FILE"}},
		"tokens unused":       {func(c *config.Config) { c.Auth.TokensFile = file }, []string{"auth.tokens_file", "auth.mode = dev reads no tokens"}},
		"jwks":                {func(c *config.Config) { jwksMode(c) }, nil},
		"jwks no audiences":   {func(c *config.Config) { jwksMode(c); c.Auth.JWKS.Audiences = nil }, []string{"auth.jwks.audiences", "other services"}},
		"jwks no grants":      {func(c *config.Config) { jwksMode(c); c.Auth.JWKS.Grants = nil }, []string{"auth.jwks.grants", "nobody could do anything"}},
		"jwks skew":           {func(c *config.Config) { jwksMode(c); c.Auth.JWKS.ClockSkew = time.Hour }, []string{"auth.jwks.clock_skew", "more than 5m"}},
		"anonymous, token":    {func(c *config.Config) { jwksMode(c); c.Auth.AllowAnonymousNonLoopback = true }, []string{"auth.allow_anonymous_non_loopback", "believes nobody"}},
		"jwks without URL":    {func(c *config.Config) { c.Auth.Mode = config.AuthJWKS }, []string{"auth.jwks.url", "AION_AUTH__JWKS__URL"}},
		"jwks no algorithms":  {func(c *config.Config) { c.Auth.Mode, c.Auth.JWKS.Algorithms = config.AuthJWKS, nil }, []string{"auth.jwks.algorithms", "AION_AUTH__JWKS__ALGORITHMS"}},
		"jwks URL unused":     {func(c *config.Config) { c.Auth.JWKS.URL = "https://x" }, []string{"auth.jwks.url", "checks no JWTs"}},
		"jwks audience alone": {func(c *config.Config) { c.Auth.JWKS.Audiences = []string{"a"} }, []string{"auth.jwks.audiences", "checks no JWTs"}},
		"jwks issuer unused":  {func(c *config.Config) { c.Auth.JWKS.Issuer = "https://x" }, []string{"auth.jwks.issuer", "checks no JWTs"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config.Default()
			c.change(&cfg)
			err := cfg.Validate()
			if len(c.want) == 0 {
				if err != nil {
					t.Errorf("refused: %s", err)
				}
				return
			}
			wantError(t, err, c.want...)
		})
	}
}

// libsql is the default where it exists; elsewhere the default works without it, and asking for it names both drivers.
func TestDrivers(t *testing.T) {
	cfg := config.Default()
	if cfg.Store.Backend == config.BackendLibSQL {
		if err := cfg.Validate(); err != nil {
			t.Error(err)
		}
		return
	}
	if cfg.Store.Backend != config.BackendSQLite {
		t.Errorf("the default store is %s", cfg.Store.Backend)
	}
	cfg.Store.Backend = config.BackendLibSQL
	wantError(t, cfg.Validate(), "store.backend", "libsql is not in this build", "sqlite")
}

// Secrets are not shown, neither printed nor in errors.
func TestSecrets(t *testing.T) {
	const url = "postgres://aion:s3cret@db/aion"
	e, err := config.Read(config.Input{Env: []string{"AION_STORE__URL=" + url}})
	if err != nil {
		t.Fatal(err)
	}
	if e.Config.Store.URL != url {
		t.Errorf("the configuration has %q", e.Config.Store.URL)
	}
	printed := e.Print()
	if strings.Contains(printed, "s3cret") || !strings.Contains(printed, `store.url = "postgres://aion:******@db/aion"`) {
		t.Errorf("printed:\n%s", printed)
	}
	err = e.Config.Validate()
	wantError(t, err, "store.url")
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error shows the password: %s", err)
	}
	_, err = config.Read(config.Input{File: write(t, "a.toml", "store.url = ['"+url+"']\n")})
	wantError(t, err, "store.url")
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error shows the password: %s", err)
	}
}

// An error that shows only when a value is used names key and variable too.
func TestFault(t *testing.T) {
	err := config.Fault("server.address", "port %d is in use", 7470)
	wantError(t, err, "server.address (AION_SERVER__ADDRESS): port 7470 is in use")
}

// docs/configuration.md is what the code says.
func TestReferencePage(t *testing.T) {
	const page = "../../docs/configuration.md"
	want := config.Reference()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is stale: run go test ./app/config -update and commit it", page)
	}
}
