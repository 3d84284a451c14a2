package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
	_ "time/tzdata" // a server in an empty container knows the time zones too

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// Times are the parsed times of a schedule. Safe for concurrent use.
type Times struct {
	crons     []*Cron
	intervals []model.ScheduleInterval
	loc       *time.Location
	start     time.Time
	end       time.Time
	jitter    time.Duration
}

// horizon is behind every tick.
var horizon = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

// ParseTimes checks when a schedule ticks. Errors: InvalidInput.
func ParseTimes(s *model.ScheduleSpec) (*Times, error) {
	t := &Times{intervals: s.Intervals, loc: time.UTC, start: s.StartAt, end: s.EndAt, jitter: s.Jitter}
	if n := len(s.Crons) + len(s.Intervals); n == 0 {
		return nil, fault.Invalidf("the schedule never ticks: it has neither a cron expression nor an interval").Hinted("give a cron expression, e.g. \"0 3 * * *\", or an interval")
	} else if n > model.MaxScheduleSpecs {
		return nil, fault.Invalidf("the schedule has %d cron expressions and intervals; at most %d are allowed", n, model.MaxScheduleSpecs)
	}
	for _, text := range s.Crons {
		c, err := ParseCron(text)
		if err != nil {
			return nil, err
		}
		t.crons = append(t.crons, c)
	}
	for _, i := range s.Intervals {
		if i.Every < time.Second || i.Every%time.Second != 0 {
			return nil, fault.Invalidf("the interval %v is not valid: it is a whole number of seconds, at least one", i.Every)
		}
		if i.Offset < 0 || i.Offset >= i.Every || i.Offset%time.Second != 0 {
			return nil, fault.Invalidf("the interval's offset %v is not valid: it is a whole number of seconds below the interval, %v", i.Offset, i.Every)
		}
	}
	if s.TimeZone == "Local" {
		return nil, fault.Invalidf("the time zone %q is not valid: name one, e.g. Europe/Berlin", s.TimeZone)
	}
	loc, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return nil, fault.Invalidf("the time zone %q is not known", s.TimeZone).Hinted("use an IANA name, e.g. Europe/Berlin or America/New_York")
	}
	t.loc = loc
	if s.Jitter < 0 || s.Jitter > 24*time.Hour {
		return nil, fault.Invalidf("the jitter %v is not valid: it is at most 24h and not negative", s.Jitter)
	}
	for _, b := range [...]time.Time{s.StartAt, s.EndAt} {
		if !b.IsZero() && (b.Before(time.Unix(0, 0)) || b.After(horizon)) {
			return nil, fault.Invalidf("the bound %v of the schedule is not valid: it lies between 1970 and 2200", b)
		}
	}
	if !s.StartAt.IsZero() && !s.EndAt.IsZero() && s.EndAt.Before(s.StartAt) {
		return nil, fault.Invalidf("the schedule ends at %v, before it starts at %v", s.EndAt, s.StartAt)
	}
	return t, nil
}

// Next is the first nominal time after a time, zero when there is none. Nominal times are whole seconds.
func (t *Times) Next(after time.Time) time.Time {
	if after.Before(t.start) {
		after = t.start.Add(-1)
	}
	if after.Before(time.Unix(0, 0)) {
		after = time.Unix(0, 0)
	}
	var first time.Time
	take := func(at time.Time) {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	for _, i := range t.intervals {
		every, offset, from := int64(i.Every/time.Second), int64(i.Offset/time.Second), after.Unix()
		n := (from - offset) / every
		if (from-offset)%every < 0 {
			n--
		}
		take(time.Unix((n+1)*every+offset, 0).UTC())
	}
	for _, c := range t.crons {
		take(c.Next(after, t.loc))
	}
	if first.After(horizon) || !t.end.IsZero() && first.After(t.end) {
		return time.Time{}
	}
	return first
}

// Due is when the tick of a nominal time happens: later by the jitter, which is the same for a schedule (by its ID) and time whenever it is asked, and
// never reaches the tick that follows.
func (t *Times) Due(nominal time.Time, id string) time.Time {
	limit := t.jitter
	if limit <= 0 {
		return nominal
	}
	if following := t.Next(nominal); !following.IsZero() {
		limit = min(limit, following.Sub(nominal))
	}
	var at [8]byte
	binary.LittleEndian.PutUint64(at[:], uint64(nominal.Unix()))
	h := sha256.Sum256(append(at[:], id...))
	return nominal.Add(time.Duration(binary.LittleEndian.Uint64(h[:]) % uint64(limit)).Truncate(time.Millisecond))
}
