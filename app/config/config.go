package config

import "time"

// Config is the whole configuration of a server. Sizes are bytes. Read fills it; what each field means stands in Keys.
type Config struct {
	Server     Server
	Store      Store
	Runtime    Runtime
	Engine     Engine
	Worker     Worker
	Events     Events
	Deploy     Deploy
	Namespaces Namespaces
	Auth       Auth
	Audit      Audit
	Limits     Limits
	Retention  Retention
	Drain      Drain
	Telemetry  Telemetry
	Log        Log
}

// Server is where and how the server listens.
type Server struct {
	Address         string
	AdminAddress    string
	TLS             TLS
	CORSOrigins     []string
	MaxRequestBytes int64
}

// TLS names the files of the public port's certificate; empty means none.
type TLS struct {
	CertFile     string
	KeyFile      string
	ClientCAFile string
}

// Store chooses the storage engine and where it keeps its data.
type Store struct {
	Backend string
	URL     string
}

// The storage engines that Store.Backend names.
const (
	BackendMemory   = "memory"
	BackendLibSQL   = "libsql"
	BackendSQLite   = "sqlite"
	BackendPostgres = "postgres"
)

// Runtime bounds what workflow code may use. CacheDir is empty for the place beside the store.
type Runtime struct {
	Packages    []string
	StepFuel    int64
	MemoryBytes int64
	CacheDir    string
	CacheBytes  int64
}

// Engine tunes the core.
type Engine struct {
	QueryTimeout  time.Duration
	ResidentBytes int64
}

// Worker says when a worker counts as lost.
type Worker struct {
	HeartbeatWindow time.Duration
	ReattachWindow  time.Duration
}

// Events bounds the event streams.
type Events struct {
	Buffer int
}

// Deploy says whether packages may be uploaded, and how large they may be.
type Deploy struct {
	Enabled          bool
	MaxArchiveBytes  int64
	MaxInflatedBytes int64
}

// Namespaces says how requests are assigned to tenants.
type Namespaces struct {
	Mode       string
	Default    string
	AutoCreate bool
}

// The values of Namespaces.Mode.
const (
	NamespacesShared = "shared"
	NamespacesSingle = "single"
)

// Auth says who is believed.
type Auth struct {
	Mode                      string
	AllowAnonymousNonLoopback bool
	TokensFile                string
	JWKS                      JWKS
}

// JWKS says which bearer JWTs are accepted in the mode jwks.
type JWKS struct {
	URL        string
	Issuer     string
	Audiences  []string
	Algorithms []string
	ClockSkew  time.Duration

	RefreshInterval time.Duration
	SubjectClaim    string
	GrantsClaim     string
	Grants          []string
}

// The values of Auth.Mode.
const (
	AuthDev   = "dev"
	AuthToken = "token"
	AuthJWKS  = "jwks"
)

// Audit says what is recorded of changes and refusals, and how much of it is kept.
type Audit struct {
	Mode       string
	Retention  time.Duration
	MaxRecords int
}

// The values of Audit.Mode.
const (
	AuditAuto = "auto"
	AuditOn   = "on"
	AuditOff  = "off"
)

// Audited says whether changes and refusals are recorded.
func (c Config) Audited() bool {
	return c.Audit.Mode == AuditOn || c.Audit.Mode == AuditAuto && c.Auth.Mode != AuthDev
}

// Limits bounds what callers may ask for.
type Limits struct {
	PayloadBytes      int64
	PendingActivities int
	PageSize          int
}

// Retention says how long closed runs are kept.
type Retention struct {
	Default time.Duration
}

// Drain bounds how long a server takes to stop.
type Drain struct {
	Timeout time.Duration
}

// Telemetry switches metrics and traces.
type Telemetry struct {
	Metrics bool
	Traces  bool
}

// Log says what is logged, and how: Level is debug, info, warn or error, Format auto, text or json.
type Log struct {
	Level  string
	Format string
}

// Default is the configuration where nobody says anything.
func Default() Config {
	l, err := Read(Input{})
	if err != nil {
		panic("config: a default in the table is wrong: " + err.Error()) // held by TestDefaults
	}
	return l.Config
}
