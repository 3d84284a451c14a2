// Package transporttest is the conformance suite of transports: whatever carries calls to a ports.Service must carry requests,
// answers, errors, identities, limits and worker streams unchanged. A transport passes it by serving the suite's own service and
// giving a client of it that is a ports.Service again.
package transporttest
