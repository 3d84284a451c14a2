// Package access decides who may do what: it stands between the transports and the service, holds every call to the caller's grants, and hides
// what the caller may not see. What it refuses, and every change that it lets through, it reports for the audit.
package access
