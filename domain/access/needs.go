package access

import "github.com/aionrun/aion/ports"

// Need is what a method of ports.Service asks of its caller.
type Need struct {
	// Roles are the roles of which one, or one that includes it, is needed: in the namespace of the call, or for all where Server is set.
	Roles []ports.Role
	// Server marks what belongs to no namespace: the grant must be for "*".
	Server bool
	// Filtered marks a list that names no namespace: it holds what the caller may read, which may be nothing.
	Filtered bool
	// Change marks what changes something; such calls are audited.
	Change bool
}

func need(r ...ports.Role) Need { return Need{Roles: r} }

func (n Need) change() Need { n.Change = true; return n }
func (n Need) server() Need { n.Server = true; return n }

// Needs is the one table of what callers need, by the method's name in ports.Service.
var Needs = map[string]Need{
	"Start":           need(ports.RoleStarter).change(),
	"Signal":          need(ports.RoleStarter).change(),
	"SignalWithStart": need(ports.RoleStarter).change(),
	"Update":          need(ports.RoleStarter).change(),
	"UpdateWithStart": need(ports.RoleStarter).change(),
	"GetUpdate":       need(ports.RoleReader),
	"Cancel":          need(ports.RoleStarter).change(),
	"Terminate":       need(ports.RoleOperator).change(),
	"Pause":           need(ports.RoleOperator).change(),
	"Resume":          need(ports.RoleOperator).change(),
	"Fork":            need(ports.RoleOperator).change(),
	"Repin":           need(ports.RoleOperator).change(),
	"Query":           need(ports.RoleReader),
	"Describe":        need(ports.RoleReader),
	"History":         need(ports.RoleReader),
	"Result":          need(ports.RoleReader),
	"List":            need(ports.RoleReader),
	"Count":           need(ports.RoleReader),
	"CountMatching":   need(ports.RoleReader),

	"Subscribe": need(ports.RoleReader),

	"CompleteActivity":  need(ports.RoleWorker, ports.RoleOperator).change(),
	"FailActivity":      need(ports.RoleWorker, ports.RoleOperator).change(),
	"HeartbeatActivity": need(ports.RoleWorker, ports.RoleOperator), // as often as a worker's own heartbeats, which are not audited either

	"Deploy":   need(ports.RoleDeployer).server().change(),
	"Verify":   need(ports.RoleDeployer).server(),
	"Rollback": need(ports.RoleDeployer).server().change(),
	"SetRoute": need(ports.RoleDeployer).server().change(),
	"Unload":   need(ports.RoleDeployer).server().change(),
	"Package":  need(ports.RoleReader, ports.RoleDeployer).server(),
	"Packages": need(ports.RoleReader, ports.RoleDeployer).server(),
	"Routes":   need(ports.RoleReader, ports.RoleDeployer).server(),

	"Register": need(ports.RoleWorker).change(),

	"CreateNamespace":    need(ports.RoleAdmin).change(),
	"UpdateNamespace":    need(ports.RoleAdmin).change(),
	"DeprecateNamespace": need(ports.RoleAdmin).change(),
	"GetNamespace":       need(ports.RoleReader),

	"Audit":    need(ports.RoleAdmin),
	"AuditAll": need(ports.RoleAdmin).server(), // Audit of no namespace in particular

	"CreateSchedule":   need(ports.RoleOperator).change(),
	"UpdateSchedule":   need(ports.RoleOperator).change(),
	"DeleteSchedule":   need(ports.RoleOperator).change(),
	"PauseSchedule":    need(ports.RoleOperator).change(),
	"ResumeSchedule":   need(ports.RoleOperator).change(),
	"TriggerSchedule":  need(ports.RoleStarter).change(),
	"BackfillSchedule": need(ports.RoleOperator).change(),
	"GetSchedule":      need(ports.RoleReader),
	"ListSchedules":    need(ports.RoleReader),

	// Without a namespace they list what the caller may read.
	"Workers":        need(ports.RoleReader),
	"TaskQueues":     need(ports.RoleReader),
	"TaskQueue":      need(ports.RoleReader),
	"SetTaskQueue":   need(ports.RoleOperator).change(),
	"ListNamespaces": {Roles: []ports.Role{ports.RoleReader}, Filtered: true},
}
