// Package schedule decides when a schedule ticks and what becomes of each tick: cron expressions and intervals in time zones, overlap, catching up,
// backfills. It is pure: it knows no clock and no store, and what it asks for is done by the engine in the commit that keeps the decision.
package schedule
