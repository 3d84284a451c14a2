package prometheus

// AuditDropped counts audit records that did not get into the store.
func (m *Metrics) AuditDropped(n int) { m.auditDropped.Add(float64(n)) }
