package schedule

import (
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/fault"
)

// Cron is a parsed cron expression. Safe for concurrent use.
//
// Five fields are minute, hour, day of month, month, day of week; with six, seconds stand in front. A field is a list of values, ranges (1-5) and
// steps (*/15, 10-40/5, and 5/10 which means 5 to the end in steps of 10); * and ? are all values. Months and weekdays have names (jan, mon), 0 and 7
// are Sunday. Where both days are restricted (neither begins with * or ?) a date that fits one of them fits. @hourly, @daily, @midnight, @weekly,
// @monthly, @yearly and @annually stand for expressions.
type Cron struct {
	second, minute, hour, day, month, weekday uint64 // bit n = value n

	anyDay, anyWeekday bool
}

type cronField struct {
	name     string
	min, max uint
	names    []string // of min, min+1, …
}

var cronFields = [...]cronField{
	{"second", 0, 59, nil},
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of month", 1, 31, nil},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"day of week", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

var cronMacros = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
	"@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}

const (
	everyHour   = 1<<24 - 1
	maxCronText = 500
)

// ParseCron parses an expression. Errors: InvalidInput, which names the field and what it may hold.
func ParseCron(text string) (*Cron, error) {
	if len(text) > maxCronText {
		return nil, fault.Invalidf("a cron expression has %d bytes; at most %d are allowed", len(text), maxCronText)
	}
	fields := strings.Fields(text)
	switch {
	case len(fields) > 0 && (strings.HasPrefix(fields[0], "TZ=") || strings.HasPrefix(fields[0], "CRON_TZ=")):
		return nil, fault.Invalidf("cron expression %q names a time zone", text).Hinted("set the schedule's time zone instead")
	case len(fields) > 0 && fields[0] == "@every":
		return nil, fault.Invalidf("cron expression %q is an interval", text).Hinted("use an interval instead")
	case len(fields) == 1 && strings.HasPrefix(fields[0], "@"):
		m, ok := cronMacros[strings.ToLower(fields[0])]
		if !ok {
			return nil, fault.Invalidf("cron expression %q is not known: use @hourly, @daily, @midnight, @weekly, @monthly, @yearly or five fields", text)
		}
		fields = strings.Fields(m)
	}
	switch len(fields) {
	case 5:
		fields = append([]string{"0"}, fields...)
	case 6:
	default:
		return nil, fault.Invalidf("cron expression %q has %d fields: it needs 5 (minute, hour, day of month, month, day of week), or 6 with seconds in front", text, len(fields))
	}
	c := &Cron{}
	for i, set := range [...]*uint64{&c.second, &c.minute, &c.hour, &c.day, &c.month, &c.weekday} {
		v, err := cronFields[i].parse(fields[i])
		if err != nil {
			return nil, fault.Invalidf("cron expression %q: %v", text, err)
		}
		*set = v
	}
	if c.weekday&(1<<7) != 0 {
		c.weekday = c.weekday&^(1<<7) | 1
	}
	c.anyDay, c.anyWeekday = strings.HasPrefix(fields[3], "*") || strings.HasPrefix(fields[3], "?"), strings.HasPrefix(fields[5], "*") || strings.HasPrefix(fields[5], "?")
	if _, ok := c.wall(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); !ok {
		return nil, fault.Invalidf("cron expression %q never comes: no such date exists", text)
	}
	return c, nil
}

func (f *cronField) parse(text string) (uint64, error) {
	var set uint64
	for _, part := range strings.Split(text, ",") {
		v, err := f.part(part)
		if err != nil {
			return 0, err
		}
		set |= v
	}
	return set, nil
}

func (f *cronField) part(text string) (uint64, error) {
	span, stepText, stepped := strings.Cut(text, "/")
	step := uint(1)
	if stepped {
		n, err := strconv.ParseUint(stepText, 10, 16)
		if err != nil || n == 0 || uint(n) > f.max {
			return 0, fault.Invalidf("the %s has the step %q: it is a number from 1 to %d", f.name, stepText, f.max)
		}
		step = uint(n)
	}
	var low, high uint
	if span == "*" || span == "?" {
		low, high = f.min, f.max
		if f.max == 7 {
			high = 6 // Sunday once
		}
	} else {
		from, to, ranged := strings.Cut(span, "-")
		var err error
		if low, err = f.value(from); err != nil {
			return 0, err
		}
		switch {
		case ranged:
			if high, err = f.value(to); err != nil {
				return 0, err
			}
			if high == 0 && low > 0 && f.max == 7 {
				high = 7 // fri-sun
			}
		case stepped:
			high = f.max
			if f.max == 7 {
				high = 6
			}
		default:
			high = low
		}
		if low > high {
			return 0, fault.Invalidf("the %s has the range %q, which ends before it begins: write it as two ranges", f.name, span)
		}
	}
	var set uint64
	for v := low; v <= high; v += step {
		set |= 1 << v
	}
	return set, nil
}

func (f *cronField) value(text string) (uint, error) {
	for i, n := range f.names {
		if strings.EqualFold(n, text) {
			return f.min + uint(i), nil
		}
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || uint(n) < f.min || uint(n) > f.max {
		if f.names != nil {
			return 0, fault.Invalidf("the %s is %q: it is a number from %d to %d or a name like %s", f.name, text, f.min, f.max, f.names[1])
		}
		return 0, fault.Invalidf("the %s is %q: it is a number from %d to %d", f.name, text, f.min, f.max)
	}
	return uint(n), nil
}

// fits says whether the expression allows the date of w.
func (c *Cron) fits(w time.Time) bool {
	day, weekday := c.day>>uint(w.Day())&1 == 1, c.weekday>>uint(w.Weekday())&1 == 1
	if c.anyDay || c.anyWeekday {
		return day && weekday
	}
	return day || weekday
}

// wall finds the first wall clock reading at or after w that fits. Readings are written as times in UTC. It looks 12 years ahead: leap days that
// are 8 years apart are the rarest dates there are.
func (c *Cron) wall(w time.Time) (time.Time, bool) {
	limit := w.Year() + 12
	for w.Year() <= limit {
		y, m, d := w.Date()
		switch {
		case c.month>>uint(m)&1 == 0:
			w = time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		case !c.fits(w):
			w = time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC)
			continue
		}
		h := next(c.hour, w.Hour())
		if h < 0 {
			w = time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC)
			continue
		}
		if h > w.Hour() {
			w = time.Date(y, m, d, h, 0, 0, 0, time.UTC)
		}
		min := next(c.minute, w.Minute())
		if min < 0 {
			w = time.Date(y, m, d, h+1, 0, 0, 0, time.UTC)
			continue
		}
		if min > w.Minute() {
			w = time.Date(y, m, d, h, min, 0, 0, time.UTC)
		}
		s := next(c.second, w.Second())
		if s < 0 {
			w = time.Date(y, m, d, h, min+1, 0, 0, time.UTC)
			continue
		}
		return time.Date(y, m, d, h, min, s, 0, time.UTC), true
	}
	return time.Time{}, false
}

// next is the first value of a set that is not below from, or -1.
func next(set uint64, from int) int {
	if set >>= uint(from); set != 0 {
		return from + bits.TrailingZeros64(set)
	}
	return -1
}

// Next is the first tick after a time, zero when there is none. At changes of the clock:
//
// An expression for certain hours ticks once for each of its readings. A reading that the clock jumps over ticks at the moment of the jump (several
// of them once); one that the clock shows twice ticks the first time.
//
// An expression for every hour (* or all 24) follows the time that passes: what the clock jumps over does not tick, what it shows twice ticks twice.
func (c *Cron) Next(after time.Time, loc *time.Location) time.Time {
	t := after.Truncate(time.Second).Add(time.Second)
	certain := c.hour != everyHour
	for last := t.AddDate(12, 0, 0); !t.After(last); {
		local := t.In(loc)
		_, offset := local.Zone()
		begin, end := local.ZoneBounds()
		if !end.IsZero() && !end.After(t) {
			end = t.Add(24 * time.Hour) // years that follow from a rule are taken for 365 days there: on the last of 366 the end has passed
		}
		w := reading(t, offset)
		if certain && !begin.IsZero() {
			_, before := begin.Add(-1).In(loc).Zone()
			old := reading(begin, before) // what the clock would have shown without the change
			if before < offset && t.Equal(begin) {
				if x, ok := c.wall(old); ok && x.Before(reading(begin, offset)) {
					return begin.UTC()
				}
			}
			if before > offset && w.Before(old) {
				w = old
			}
		}
		x, ok := c.wall(w)
		if !ok {
			return time.Time{}
		}
		if at := x.Add(-time.Duration(offset) * time.Second); end.IsZero() || at.Before(end) {
			return at
		}
		t = end
	}
	return time.Time{}
}

// reading is what a clock shows that is offset seconds before UTC, as a time in UTC.
func reading(t time.Time, offset int) time.Time {
	return t.UTC().Add(time.Duration(offset) * time.Second)
}
