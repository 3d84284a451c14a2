package config

import (
	"strconv"
	"strings"
	"time"
)

// Key documents one key of the configuration.
type Key struct {
	Name    string // e.g. "server.address"
	Default string // as it would be written in the environment
	Meaning string // a sentence, in Markdown
	Values  string // what it may be, in Markdown

	defaultNote string // said in the reference in place of Default
	// mask hides what is secret in a printed value; nil where nothing is.
	mask func(string) string
	// set reads raw into its field of c.
	set func(c *Config, raw any) error
	// get prints its field of c as TOML, secrets masked.
	get func(c *Config) string
}

// Variable is the environment variable that sets the key.
func (k Key) Variable() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "__"))
}

// Secret says whether a part of the value is masked where it is printed.
func (k Key) Secret() bool { return k.mask != nil }

// Section is the first part of the name.
func (k Key) Section() string {
	section, _, _ := strings.Cut(k.Name, ".")
	return section
}

// Keys lists every key, in the order of the reference.
func Keys() []Key { return keys }

func key[T any](name, value string, k kind[T], field func(*Config) *T, meaning string) Key {
	return Key{
		Name: name, Default: value, Meaning: meaning, Values: k.noun,
		set: func(c *Config, raw any) error {
			v, err := k.parse(raw)
			if err == nil {
				*field(c) = v
			}
			return err
		},
		get: func(c *Config) string { return k.format(*field(c)) },
	}
}

// noted says in the reference what the default is where that depends on something.
func (k Key) noted(text string) Key { k.defaultNote = text; return k }

// masked hides what is secret in the value, a text, wherever it is printed.
func (k Key) masked(mask func(string) string) Key {
	plain := k.get
	k.mask = mask
	k.get = func(c *Config) string {
		text, err := strconv.Unquote(plain(c))
		if err != nil {
			return strconv.Quote(hidden)
		}
		return strconv.Quote(mask(text))
	}
	return k
}

var keys = []Key{
	key("server.address", "127.0.0.1:7470", text("host:port", "127.0.0.1:7470", checkAddress), func(c *Config) *string { return &c.Server.Address },
		"The public port: Connect, gRPC, gRPC-Web, REST, WebSocket and the console. Port 0 takes a free one."),
	key("server.admin_address", "127.0.0.1:7471", text("host:port", "127.0.0.1:7471", checkAddress), func(c *Config) *string { return &c.Server.AdminAddress },
		"The private port: `/metrics`, `/healthz`, `/readyz`, `/debug/pprof`. It asks nobody who they are: keep it away from the outside."),
	key("server.tls.cert_file", "", text("path", "/etc/aion/tls.crt", nil), func(c *Config) *string { return &c.Server.TLS.CertFile },
		"The certificate of the public port, PEM; read again when the file changes. Empty: no TLS."),
	key("server.tls.key_file", "", text("path", "/etc/aion/tls.key", nil), func(c *Config) *string { return &c.Server.TLS.KeyFile },
		"The private key of `server.tls.cert_file`, PEM."),
	key("server.tls.client_ca_file", "", text("path", "/etc/aion/clients.crt", nil), func(c *Config) *string { return &c.Server.TLS.ClientCAFile },
		"Only clients with a certificate signed by one of these are let in, PEM. Empty: no client certificates."),
	key("server.cors_origins", "", list("origins", "https://console.example.com", checkOrigin), func(c *Config) *[]string { return &c.Server.CORSOrigins },
		"The web origins whose pages may call the server; `*` for any."),
	key("server.max_request_bytes", "8MiB", size(64*kib, gib), func(c *Config) *int64 { return &c.Server.MaxRequestBytes },
		"The largest request, other than the upload of a package."),

	key("store.backend", defaultBackend, choice(BackendMemory, BackendLibSQL, BackendSQLite, BackendPostgres), func(c *Config) *string { return &c.Store.Backend },
		"The storage engine. `memory` forgets everything when the server ends; `libsql` and `sqlite` are two drivers for the same file.").
		noted("`libsql`; `sqlite` in a build without libsql"),
	key("store.url", "file:aion.db", text("URL or path", "file:aion.db", nil), func(c *Config) *string { return &c.Store.URL },
		"Where the store keeps its data: a local file for `libsql` and `sqlite`. `memory` ignores it.").masked(maskURL),

	key("runtime.packages", "", list("paths", "orders.aion", nil), func(c *Config) *[]string { return &c.Runtime.Packages },
		"Workflow packages (`.aion` files) to load at every start. They win the routes of their workflow types."),
	key("runtime.step_fuel", "100000000", integer[int64](100_000, 1e15), func(c *Config) *int64 { return &c.Runtime.StepFuel },
		"How much one activation of workflow code may compute, about one unit for each turn of a loop. A run that needs more is Blocked."),
	key("runtime.memory_bytes", "128MiB", size(16*mib, 4*gib), func(c *Config) *int64 { return &c.Runtime.MemoryBytes },
		"How much memory the code of one run may use. A run that needs more is Blocked."),
	key("runtime.cache_dir", "", text("path", "/var/cache/aion", nil), func(c *Config) *string { return &c.Runtime.CacheDir },
		"The folder for hibernated instances and compiled packages. It may be deleted while the server is down.").noted("beside the store"),
	key("runtime.cache_bytes", "1GiB", size(16*mib, 64*tib), func(c *Config) *int64 { return &c.Runtime.CacheBytes },
		"How much memory live instances may use together; beyond it the least recently used hibernate."),

	key("engine.query_timeout", "10s", duration(time.Millisecond), func(c *Config) *time.Duration { return &c.Engine.QueryTimeout },
		"How long a query may take."),
	key("engine.resident_bytes", "64MiB", size(mib, 64*tib), func(c *Config) *int64 { return &c.Engine.ResidentBytes },
		"How much memory the state of loaded runs may use together; beyond it the least recently used are unloaded."),

	key("worker.heartbeat_window", "30s", duration(100*time.Millisecond), func(c *Config) *time.Duration { return &c.Worker.HeartbeatWindow },
		"A worker that is silent for so long is lost, and its attempts go to others."),
	key("worker.reattach_window", "5s", duration(time.Millisecond), func(c *Config) *time.Duration { return &c.Worker.ReattachWindow },
		"How long the attempts of a worker whose stream broke, or that were in flight when the server ended, wait for it to come back."),

	key("events.buffer", "256", integer(1, 65536), func(c *Config) *int { return &c.Events.Buffer },
		"How many frames, and at most 1 MiB of them, wait for an event socket. A subscriber that reads slowly is served from the store and loses nothing."),

	key("deploy.enabled", "true", boolean(), func(c *Config) *bool { return &c.Deploy.Enabled },
		"Whether packages may be uploaded. Without it only `runtime.packages` are served."),
	key("deploy.max_archive_bytes", "64MiB", size(mib, 4*gib), func(c *Config) *int64 { return &c.Deploy.MaxArchiveBytes },
		"The largest package that may be uploaded."),
	key("deploy.max_inflated_bytes", "256MiB", size(mib, 4*gib), func(c *Config) *int64 { return &c.Deploy.MaxInflatedBytes },
		"The largest package after decompression; at least `deploy.max_archive_bytes`."),

	key("namespaces.mode", NamespacesShared, choice(NamespacesShared, NamespacesSingle), func(c *Config) *string { return &c.Namespaces.Mode },
		"`shared`: many namespaces, and the caller's grants decide. `single`: every request uses `namespaces.default`, and any other is not found."),
	key("namespaces.default", "default", text("name", "default", checkNamespace), func(c *Config) *string { return &c.Namespaces.Default },
		"The namespace of requests that name none."),
	key("namespaces.auto_create", "true", boolean(), func(c *Config) *bool { return &c.Namespaces.AutoCreate },
		"Whether a namespace comes into being with its first use."),

	key("auth.mode", AuthDev, choice(AuthDev, AuthToken, AuthJWKS), func(c *Config) *string { return &c.Auth.Mode },
		"`dev` believes every caller, and so listens on loopback only. `token` checks static bearer tokens, `jwks` bearer JWTs."),
	key("auth.allow_anonymous_non_loopback", "false", boolean(), func(c *Config) *bool { return &c.Auth.AllowAnonymousNonLoopback },
		"Lets `auth.mode = dev` listen on other than loopback addresses: everybody who reaches the port may do everything."),
	key("auth.tokens_file", "", text("path", "/etc/aion/tokens.toml", nil), func(c *Config) *string { return &c.Auth.TokensFile },
		"The file of the mode `token`, as `aion token create` writes it; read again within a second after it changed."),
	key("auth.jwks.url", "", text("URL", "https://id.example.com/keys", checkHTTPURL), func(c *Config) *string { return &c.Auth.JWKS.URL },
		"Where the keys of the mode `jwks` are; empty: found through `auth.jwks.issuer`."),
	key("auth.jwks.issuer", "", text("URL", "https://id.example.com", checkHTTPURL), func(c *Config) *string { return &c.Auth.JWKS.Issuer },
		"The issuer that a JWT must name (`iss`)."),
	key("auth.jwks.audiences", "", list("names", "aion", nil), func(c *Config) *[]string { return &c.Auth.JWKS.Audiences },
		"The audiences of which a JWT must name one (`aud`)."),
	key("auth.jwks.algorithms", "RS256,ES256", list("names", "RS256", checkAlgorithm), func(c *Config) *[]string { return &c.Auth.JWKS.Algorithms },
		"The signature algorithms that are accepted (`alg`)."),
	key("auth.jwks.clock_skew", "30s", duration(0), func(c *Config) *time.Duration { return &c.Auth.JWKS.ClockSkew },
		"How far the issuer's clock may be off, for `exp` and `nbf`; at most 5m."),
	key("auth.jwks.refresh_interval", "10m", duration(time.Second), func(c *Config) *time.Duration { return &c.Auth.JWKS.RefreshInterval },
		"How often the keys are fetched anew. A token with an unknown key has them fetched before, at most every 15 s."),
	key("auth.jwks.subject_claim", "sub", text("claim", "sub", nil), func(c *Config) *string { return &c.Auth.JWKS.SubjectClaim },
		"The claim that says whose a JWT is."),
	key("auth.jwks.grants_claim", "", text("claim", "aion", nil), func(c *Config) *string { return &c.Auth.JWKS.GrantsClaim },
		"A claim that holds grants as they are: a list of `role@pattern`, or an object of pattern to role or roles. A dot goes into an object: `resource_access.aion`."),
	key("auth.jwks.grants", "", list("rules", "groups:platform=admin@*", checkRule), func(c *Config) *[]string { return &c.Auth.JWKS.Grants },
		"What other claims grant: `claim:value=role@pattern`, for each JWT whose claim is that value, lists it, or has it among its words."),

	key("audit.mode", AuditAuto, choice(AuditAuto, AuditOn, AuditOff), func(c *Config) *string { return &c.Audit.Mode },
		"Whether every change that a caller makes and every refusal is logged and kept for `aion audit list`. `auto`: unless `auth.mode = dev`, where nobody proves who they are."),
	key("audit.retention", "2160h", duration(time.Minute), func(c *Config) *time.Duration { return &c.Audit.Retention },
		"How long audit records stay in the store."),
	key("audit.max_records", "1000000", integer(100, 100_000_000), func(c *Config) *int { return &c.Audit.MaxRecords },
		"How many audit records stay in the store at most; the oldest go first."),

	key("limits.payload_bytes", "2MiB", size(kib, gib), func(c *Config) *int64 { return &c.Limits.PayloadBytes },
		"The largest payload: an input, a result, a signal. Less than `server.max_request_bytes`."),
	key("limits.pending_activities", "10000", integer(1, 1_000_000), func(c *Config) *int { return &c.Limits.PendingActivities },
		"How many activities of one run may be open at a time."),
	key("limits.page_size", "1000", integer(1, 10_000), func(c *Config) *int { return &c.Limits.PageSize },
		"The most entries in one page of a list; a larger `page_size` gets this many."),

	key("retention.default", "720h", duration(time.Minute), func(c *Config) *time.Duration { return &c.Retention.Default },
		"How long a closed run and its history are kept, in namespaces that do not say otherwise when they are made."),

	key("drain.timeout", "30s", duration(time.Millisecond), func(c *Config) *time.Duration { return &c.Drain.Timeout },
		"How long a server that is told to stop waits for requests and steps under way."),

	key("telemetry.metrics", "true", boolean(), func(c *Config) *bool { return &c.Telemetry.Metrics },
		"Whether `/metrics` is served on the private port."),
	key("telemetry.traces", "false", boolean(), func(c *Config) *bool { return &c.Telemetry.Traces },
		"Whether traces are exported; where to is said by the `OTEL_*` variables."),

	key("log.level", "info", choice("debug", "info", "warn", "error"), func(c *Config) *string { return &c.Log.Level },
		"The least important lines that are logged."),
	key("log.format", "auto", choice("auto", "text", "json"), func(c *Config) *string { return &c.Log.Format },
		"`auto` is `text` on a terminal and `json` elsewhere."),
}

// keyNamed finds a key of the table.
func keyNamed(name string) (Key, bool) {
	for _, k := range keys {
		if k.Name == name {
			return k, true
		}
	}
	return Key{}, false
}
