package storetest

import (
	"testing"

	"github.com/aionrun/aion/ports"
)

// Factory opens a fresh, empty store and registers its Close with t.Cleanup (closing twice must be harmless).
type Factory func(t *testing.T) ports.Store

// Run runs the suite. Each case has a store of its own.
func Run(t *testing.T, open Factory) {
	for _, c := range []struct {
		name string
		f    func(*testing.T, ports.Store)
	}{
		{"Append/C-1 creates and continues", createAndContinue},
		{"Append/C-1 version conflict names the head", conflictNamesHead},
		{"Append/C-1 creation demands version 0 and seq 1", creation},
		{"Append/C-1 gaps and contradictions are refused", contradictions},
		{"Append/C-1 a removed or closed run is not revived", revival},
		{"Append/C-1 several runs of a chain in one append", severalRuns},
		{"Append/O-1 stale epoch and unknown shard", staleEpoch},
		{"Append/C-1 N writers on one chain, one winner each time", contention},
		{"Append/neighbours of failing appends are unharmed", neighbours},
		{"Append/a failing append leaves nothing", failingLeavesNothing},
		{"Append/given up before it began", givenUp},
		{"Append/keeps nothing of what it was given", keepsNothing},
		{"Append/C-5 rows of 1 MiB and 1,000 events", fatRows},
		{"Data/bytes come back exactly", payloadBytes},
		{"Data/identifiers come back exactly", identifiers},
		{"Data/times come back exactly", times},
		{"History/reads a range and nothing beyond", historyRange},
		{"History/rows of other runs are not seen", historyOfOthers},
		{"Feed/S-3 order and pages", feedPages},
		{"Feed/S-3 dense and complete under concurrent writes", feedConcurrent},
		{"List/order, ties and filters", listFilters},
		{"List/pages under concurrent writes", listConcurrent},
		{"List/a replaced row moves", listReplaced},
		{"Search/V-1 what a filter means", search},
		{"Search/V-1 the bound on what is looked at in vain", searchBound},
		{"Search/V-1 exact after every append", searchExact},
		{"Due/S-2 order, range and pages", due},
		{"Due/S-2 lowered, raised and cleared", dueChanges},
		{"Inbox/M-1 order, dedup, exactly once", inbox},
		{"Inbox/M-1 one of many takers wins", inboxContention},
		{"Inbox/M-1 targets", inboxTargets},
		{"Entities/M-5 creation, steps, removal, lists", entities},
		{"Inbox/M-1 messages to a chain that is not there", inboxOfNobody},
		{"Dedup/M-2 window and replacement", dedup},
		{"Tasks/A-1 order, pages, removal", tasks},
		{"Counts/V-1 no negative rows, no zero rows", counts},
		{"Counts/V-1 exact under concurrent writes", countsConcurrent},
		{"Packages/D-6 pinned and routed ones stay", packages},
		{"Packages/large code", largePackage},
		{"Routes/D-6 order and replacement", routes},
		{"Namespaces/order and replacement", namespaces},
		{"Audit/order, filters, pages and what is kept", audit},
		{"QueueSettings/replacement and removal", queueSettings},
		{"Tasks/by priority, then age", taskPriorities},
		{"Caches/checkpoints", checkpoints},
		{"Caches/A-4 heartbeats", heartbeats},
		{"Retention/S-6 removes closed runs and what belongs to them", removal},
		{"Retention/C-1 nothing revives a removed run", removedStays},
		{"Retention/runs of chains", removalInChains},
		{"Retention/S-3 positions", removedPositions},
		{"Retention/M-2 expired requests", expiredRequests},
		{"Reads/not found", notFound},
		{"Stats/calls are counted", stats},
		{"Close/later calls answer unavailable", closed},
		{"Close/waits for appends in flight", closeWaits},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(t, open(t)) })
	}
}
