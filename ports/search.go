package ports

import (
	"time"

	"github.com/aionrun/aion/domain/filter"
	"github.com/aionrun/aion/domain/model"
)

// SearchQuery selects runs of a namespace by a filter (rule V-1).
type SearchQuery struct {
	Namespace model.Namespace // required
	Filter    *filter.Query   // required
	After     *filter.Key     // the last run of the page before
	Limit     int             // required, > 0
	Scan      int             // how many runs it may look at in vain; 0 = filter.ScanBound
}

// CountQuery says what to count; empty fields do not restrict.
type CountQuery struct {
	Namespace model.Namespace
	Type      model.WorkflowType
	Status    model.Status
	Filter    string
}

// CountResult is the number of runs, or how many there are at least.
type CountResult struct {
	N       int64
	AtLeast bool
}

// Check refuses a query that no store can answer, and fills in what is left out: InvalidInput.
func (q *SearchQuery) Check() error {
	if q.Scan == 0 {
		q.Scan = filter.ScanBound
	}
	return (&ListQuery{Namespace: q.Namespace, Limit: q.Limit}).Check()
}

// FilterValue implements filter.Record.
func (r *Run) FilterValue(f filter.Field) model.AttributeValue {
	if f.Declared {
		return r.Attributes.Get(f.Name)
	}
	switch f {
	case filter.WorkflowID:
		return model.KeywordValue(string(r.Key.WorkflowID))
	case filter.RunID:
		return model.KeywordValue(string(r.ID))
	case filter.WorkflowType:
		return model.KeywordValue(string(r.Type))
	case filter.Status:
		all := []string{r.Status.String()}
		if r.Blocked != "" {
			all = append(all, filter.StatusBlocked)
		}
		if r.Paused {
			all = append(all, filter.StatusPaused)
		}
		return model.ListValue(all...)
	case filter.Blocked:
		if r.Blocked != "" {
			return model.KeywordValue(r.Blocked)
		}
	case filter.Paused:
		return model.BoolValue(r.Paused)
	case filter.Package:
		return model.KeywordValue(string(r.Package))
	case filter.TaskQueue:
		return model.KeywordValue(string(r.TaskQueue))
	case filter.StartedAt:
		return model.TimeValue(r.StartedAt)
	case filter.ClosedAt:
		if !r.ClosedAt.IsZero() {
			return model.TimeValue(r.ClosedAt)
		}
	}
	return model.AttributeValue{}
}

// StartedNanos is when a run started, as filters compare it.
func (r *Run) StartedNanos() int64 { return model.TimeValue(r.StartedAt).Int }

// SearchTime is the moment of a filter.Key.
func SearchTime(nanos int64) time.Time { return time.Unix(0, nanos).UTC() }
