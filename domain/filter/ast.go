package filter

import (
	"slices"

	"github.com/aionrun/aion/domain/model"
)

// Bounds of a filter.
const (
	MaxBytes      = 16 << 10
	MaxDepth      = 32  // of parentheses and "not"
	MaxConditions = 100 // in one filter
	MaxValues     = 100 // in one list
)

// Query is a parsed filter. It is never changed after it was made.
type Query struct {
	Where Expr // nil: every run
	Order Order
}

// Order is the order of a list. It ends with the run ID, in the same direction.
type Order struct {
	Field Field
	Desc  bool
}

// Newest is the order where none is given: the latest start first.
var Newest = Order{StartedAt, true}

// Expr is And, Or, Not or *Condition.
type Expr interface{ isExpr() }

// And is true when all of its two or more parts are.
type And []Expr

// Or is true when one of its two or more parts is.
type Or []Expr

// Not is true when its part is not.
type Not struct{ Of Expr }

// Condition compares a field with values, which have the field's type; for a keyword list they are keywords, for a text as well.
type Condition struct {
	Field  Field
	Op     Op
	Values []model.AttributeValue // one; several for In; none for IsNull
}

func (And) isExpr()        {}
func (Or) isExpr()         {}
func (Not) isExpr()        {}
func (*Condition) isExpr() {}

// Op is what a condition does.
type Op uint8

// The operations.
const (
	Equal Op = iota + 1
	Less
	LessEqual
	Greater
	GreaterEqual
	In
	StartsWith
	Contains
	IsNull
)

var opNames = [...]string{"", "=", "<", "<=", ">", ">=", "in", "starts_with", "contains", "is null"}

// String is how the operation is written.
func (o Op) String() string { return opNames[o] }

// Field is what a condition is about: a field that every run has, or a search attribute.
type Field struct {
	Name     string
	Type     model.AttributeType
	Declared bool // a search attribute of the namespace
}

// The fields that every run has.
var (
	WorkflowID   = Field{Name: "workflow_id", Type: model.AttributeKeyword}
	RunID        = Field{Name: "run_id", Type: model.AttributeKeyword}
	WorkflowType = Field{Name: "workflow_type", Type: model.AttributeKeyword}
	// Status holds the status, and Blocked and Paused beside Running where the run is that too.
	Status    = Field{Name: "status", Type: model.AttributeKeywordList}
	Blocked   = Field{Name: "blocked", Type: model.AttributeKeyword} // what blocks the run; null when nothing does
	Paused    = Field{Name: "paused", Type: model.AttributeBool}
	Package   = Field{Name: "package", Type: model.AttributeKeyword}
	TaskQueue = Field{Name: "task_queue", Type: model.AttributeKeyword}
	StartedAt = Field{Name: "started_at", Type: model.AttributeDatetime}
	ClosedAt  = Field{Name: "closed_at", Type: model.AttributeDatetime} // null while the run is open
)

var system = []Field{WorkflowID, RunID, WorkflowType, Status, Blocked, Paused, Package, TaskQueue, StartedAt, ClosedAt}

// The values of Status beside the names of statuses.
const (
	StatusBlocked = "Blocked"
	StatusPaused  = "Paused"
)

// Statuses are the values that Status can have.
func Statuses() []string {
	var out []string
	for s := model.StatusRunning; s <= model.StatusContinuedAsNew; s++ {
		out = append(out, s.String())
	}
	return append(out, StatusBlocked, StatusPaused)
}

var words = []string{"and", "or", "not", "in", "is", "null", "true", "false", "order", "by", "asc", "desc", "now", "starts_with", "contains"}

// Reserved says whether a name cannot be that of a search attribute, because it is a word of the language or a field that every run has.
func Reserved(name string) bool {
	return slices.Contains(words, lower(name)) || slices.ContainsFunc(system, func(f Field) bool { return f.Name == lower(name) })
}

// Schema are the fields that a filter may use: those of every run, and the search attributes of a namespace.
type Schema struct {
	declared map[string]model.AttributeType
}

// NewSchema makes a schema of declared search attributes.
func NewSchema(declared map[string]model.AttributeType) Schema { return Schema{declared} }

func (s Schema) field(name string) (Field, bool) {
	for _, f := range system {
		if f.Name == name {
			return f, true
		}
	}
	t, ok := s.declared[name]
	return Field{Name: name, Type: t, Declared: true}, ok
}

func (s Schema) names() []string {
	var declared []string
	for n := range s.declared {
		declared = append(declared, n)
	}
	slices.Sort(declared)
	var out []string
	for _, f := range system {
		out = append(out, f.Name)
	}
	return append(out, declared...)
}
