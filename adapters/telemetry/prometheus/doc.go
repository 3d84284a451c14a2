// Package prometheus gives the engine's telemetry, and what store, runtime and task queues tell when they are asked, as Prometheus
// metrics. All names begin with aion_; times are seconds, sizes bytes. docs/metrics.md lists them.
package prometheus
