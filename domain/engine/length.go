package engine

import "fmt"

// warnAt is the part of a history's limits from which on it is large: code is told that it had better continue as new (rule B-1).
const warnAt = 2

// large says whether the open run's history comes near a limit.
func (c *chain) large() bool {
	l := c.e.opt.Limits
	return int(c.state.Seq) >= l.HistoryEvents/warnAt || c.state.Bytes >= l.HistoryBytes/warnAt
}

// lengthWarning says how near the history is to its limits, for people; "" where it is not.
func (c *chain) lengthWarning() string {
	if !c.large() {
		return ""
	}
	l := c.e.opt.Limits
	return fmt.Sprintf("the history has %d of at most %d events and %d of at most %d bytes; at the limit the run is Blocked: let the code continue as new",
		c.state.Seq, l.HistoryEvents, c.state.Bytes, l.HistoryBytes)
}

// warnOfLength tells once of a run whose history has become large with the step.
func (s *step) warnOfLength() {
	c := s.c
	if s.large || c.state == nil || !c.state.Open() || !c.large() {
		return
	}
	c.e.tel.HistoryLarge(c.key.Namespace, c.run.Type)
	c.e.log.Warn("a history comes near its limit", "namespace", c.key.Namespace, "workflow_id", c.key.WorkflowID, "run_id", c.run.ID,
		"events", c.state.Seq, "bytes", c.state.Bytes, "hint", "let the code continue as new when Info says so")
}
