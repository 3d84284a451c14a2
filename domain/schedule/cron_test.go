package schedule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/fault"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func cron(t testing.TB, text string) *Cron {
	t.Helper()
	c, err := ParseCron(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The next ticks of expressions, by the clock of their zone. [SCHED-2]
func TestCronNext(t *testing.T) {
	const layout = "2006-01-02 15:04:05 -0700"
	for _, c := range []struct{ name, text, zone, after, want string }{
		{"daily", "0 3 * * *", "UTC", "2026-01-31 03:00:00 +0000", "2026-02-01 03:00:00 +0000"},
		{"strictly after", "0 3 * * *", "UTC", "2026-01-31 02:59:59 +0000", "2026-01-31 03:00:00 +0000"},
		{"steps", "*/20 9-10 * * *", "UTC", "2026-01-31 09:30:00 +0000", "2026-01-31 09:40:00 +0000|2026-01-31 10:00:00 +0000|2026-01-31 10:20:00 +0000|2026-01-31 10:40:00 +0000|2026-02-01 09:00:00 +0000"},
		{"from a value in steps", "50/5 * * * *", "UTC", "2026-01-31 09:30:00 +0000", "2026-01-31 09:50:00 +0000|2026-01-31 09:55:00 +0000|2026-01-31 10:50:00 +0000"},
		{"seconds", "*/30 0 12 * * *", "UTC", "2026-01-31 09:30:00 +0000", "2026-01-31 12:00:00 +0000|2026-01-31 12:00:30 +0000|2026-02-01 12:00:00 +0000"},
		{"names", "0 0 * JAN,mar Mon", "UTC", "2026-01-26 00:00:00 +0000", "2026-03-02 00:00:00 +0000"},
		{"weekdays", "0 8 * * mon-fri", "UTC", "2026-01-30 08:00:00 +0000", "2026-02-02 08:00:00 +0000"},
		{"Sunday is 0, 7 and the end of fri-sun", "0 8 * * fri-sun", "UTC", "2026-01-31 08:00:00 +0000", "2026-02-01 08:00:00 +0000|2026-02-06 08:00:00 +0000"},
		{"7", "0 8 * * 7", "UTC", "2026-01-31 08:00:00 +0000", "2026-02-01 08:00:00 +0000|2026-02-08 08:00:00 +0000"},
		{"either day", "0 0 13 * 5", "UTC", "2026-01-05 00:00:00 +0000", "2026-01-09 00:00:00 +0000|2026-01-13 00:00:00 +0000|2026-01-16 00:00:00 +0000"},
		{"leap day", "0 0 29 2 *", "UTC", "2026-01-05 00:00:00 +0000", "2028-02-29 00:00:00 +0000|2032-02-29 00:00:00 +0000"},
		{"leap day over 2100", "0 0 29 2 *", "UTC", "2096-03-05 00:00:00 +0000", "2104-02-29 00:00:00 +0000"},
		{"years that follow from a rule", "0 0 29 2 *", "Europe/Berlin", "2040-03-05 00:00:00 +0000", "2044-02-29 00:00:00 +0100|2048-02-29 00:00:00 +0100"},
		{"the last day of such a leap year", "0 12 31 12 *", "Europe/Berlin", "2040-03-05 00:00:00 +0000", "2040-12-31 12:00:00 +0100|2041-12-31 12:00:00 +0100"},
		{"macro", "@weekly", "UTC", "2026-01-30 08:00:00 +0000", "2026-02-01 00:00:00 +0000"},
		{"zone", "0 9 * * *", "Asia/Kolkata", "2026-01-30 00:00:00 +0000", "2026-01-30 09:00:00 +0530"},

		// The clock goes forward.
		{"New York, in the gap", "30 2 * * *", "America/New_York", "2026-03-07 12:00:00 -0500", "2026-03-08 03:00:00 -0400|2026-03-09 02:30:00 -0400"},
		{"New York, at the end of the gap", "0 2,3 * * *", "America/New_York", "2026-03-08 00:00:00 -0500", "2026-03-08 03:00:00 -0400|2026-03-09 02:00:00 -0400"},
		{"Berlin, several in the gap", "*/15 2 * * *", "Europe/Berlin", "2026-03-29 00:00:00 +0100", "2026-03-29 03:00:00 +0200|2026-03-30 02:00:00 +0200"},
		{"Berlin, every hour", "30 * * * *", "Europe/Berlin", "2026-03-29 00:45:00 +0100", "2026-03-29 01:30:00 +0100|2026-03-29 03:30:00 +0200"},
		{"Lord Howe, half an hour", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03 12:00:00 +1030", "2026-10-04 02:30:00 +1100|2026-10-05 02:15:00 +1100"},
		{"Sao Paulo, midnight", "0 0 * * *", "America/Sao_Paulo", "2018-11-03 12:00:00 -0300", "2018-11-04 01:00:00 -0200|2018-11-05 00:00:00 -0200"},
		{"Apia, a day that never was", "0 12 * * *", "Pacific/Apia", "2011-12-29 00:00:00 -1000", "2011-12-29 12:00:00 -1000|2011-12-31 00:00:00 +1400|2011-12-31 12:00:00 +1400"},

		// The clock goes back.
		{"New York, twice on the clock", "30 1 * * *", "America/New_York", "2026-10-31 12:00:00 -0400", "2026-11-01 01:30:00 -0400|2026-11-02 01:30:00 -0500"},
		{"New York, every hour", "30 * * * *", "America/New_York", "2026-11-01 00:45:00 -0400", "2026-11-01 01:30:00 -0400|2026-11-01 01:30:00 -0500|2026-11-01 02:30:00 -0500"},
		{"Berlin, behind what comes twice", "0 2,3 * * *", "Europe/Berlin", "2026-10-25 00:00:00 +0200", "2026-10-25 02:00:00 +0200|2026-10-25 03:00:00 +0100"},
		{"Berlin, asked in what comes twice", "*/20 2 * * *", "Europe/Berlin", "2026-10-25 02:05:00 +0100", "2026-10-26 02:00:00 +0100"},
		{"Lord Howe", "45 1 * * *", "Australia/Lord_Howe", "2026-04-04 12:00:00 +1100", "2026-04-05 01:45:00 +1100|2026-04-06 01:45:00 +1030"},
	} {
		t.Run(c.name, func(t *testing.T) {
			loc := zone(t, c.zone)
			at, err := time.Parse(layout, c.after)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range strings.Split(c.want, "|") {
				at = cron(t, c.text).Next(at, loc)
				if got := at.In(loc).Format(layout); got != w {
					t.Fatalf("got %s; want %s", got, w)
				}
			}
		})
	}
}

func TestParseCronErrors(t *testing.T) {
	for _, c := range []struct{ text, part string }{
		{"", "0 fields"},
		{"* * * *", "4 fields"},
		{"60 * * * *", "minute"},
		{"* 24 * * *", "hour"},
		{"* * 0 * *", "day of month"},
		{"* * * foo *", "month"},
		{"* * * * 8", "day of week"},
		{"*/0 * * * *", "step"},
		{"5-1 * * * *", "two ranges"},
		{"1- * * * *", "minute"},
		{",, * * * *", "minute"},
		{"* * 30 2 *", "no such date"},
		{"@every 5m", "interval"},
		{"@reboot", "not known"},
		{"CRON_TZ=Europe/Berlin * * * * *", "time zone"},
		{strings.Repeat("1,", 300) + "1 * * * *", "at most"},
	} {
		if _, err := ParseCron(c.text); !fault.Has(err, fault.InvalidInput) || !strings.Contains(err.Error(), c.part) {
			t.Errorf("%q: got %v; want %q in it", c.text, err, c.part)
		}
	}
}

// slowNext finds the ticks of an expression by looking at every minute: what the rules say, written down another way.
func slowNext(c *Cron, from, to time.Time, loc *time.Location) []time.Time {
	fits := func(w time.Time) bool {
		return c.month>>uint(w.Month())&1 == 1 && c.fits(w) && c.hour>>uint(w.Hour())&1 == 1 && c.minute>>uint(w.Minute())&1 == 1
	}
	show := func(t time.Time) time.Time {
		l := t.In(loc)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
	}
	certain := c.hour != everyHour
	seen := map[time.Time]bool{}
	begin := from.Add(-30 * time.Hour)
	before := show(begin.Add(-time.Minute))
	var out []time.Time
	for t := begin; t.Before(to); t = t.Add(time.Minute) {
		w := show(t)
		tick := fits(w) && (!certain || !seen[w])
		for skipped := before.Add(time.Minute); certain && skipped.Before(w); skipped = skipped.Add(time.Minute) {
			tick = tick || fits(skipped)
		}
		seen[w], before = true, w
		if tick && t.After(from) {
			out = append(out, t)
		}
	}
	return out
}

// Over changes of the clock and away from them the ticks are those of a slow search. [SCHED-2]
func TestCronAgainstSlowSearch(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo", "Asia/Kathmandu", "Pacific/Apia"}
	days := []string{"2026-03-28", "2026-03-08", "2026-10-24", "2026-11-01", "2026-04-04", "2026-10-03", "2018-11-03", "2018-02-17", "2024-04-25", "2024-10-31", "2011-12-29", "2026-07-01"}
	rapid.Check(t, func(r *rapid.T) {
		field := func(name string, min, max int) string {
			switch rapid.IntRange(0, 3).Draw(r, name+" form") {
			case 0:
				return "*"
			case 1:
				return fmt.Sprintf("*/%d", rapid.IntRange(1, max).Draw(r, name))
			case 2:
				a := rapid.IntRange(min, max).Draw(r, name)
				return fmt.Sprintf("%d-%d", a, rapid.IntRange(a, max).Draw(r, name))
			}
			return fmt.Sprintf("%d,%d", rapid.IntRange(min, max).Draw(r, name), rapid.IntRange(min, max).Draw(r, name))
		}
		text := field("minute", 0, 59) + " " + field("hour", 0, 23) + " " + rapid.SampledFrom([]string{"*", "*", "1-31/2", "25"}).Draw(r, "day") + " * " + rapid.SampledFrom([]string{"*", "*", "sun", "1-5"}).Draw(r, "weekday")
		c, err := ParseCron(text)
		if err != nil {
			r.Fatal(err)
		}
		loc := zone(t, rapid.SampledFrom(zones).Draw(r, "zone"))
		from, _ := time.Parse(time.DateOnly, rapid.SampledFrom(days).Draw(r, "day of"))
		from = from.Add(time.Duration(rapid.IntRange(0, 1440).Draw(r, "minute of")) * time.Minute)
		to := from.Add(48 * time.Hour)
		want := slowNext(c, from, to, loc)
		at := from
		for i := 0; ; i++ {
			if at = c.Next(at, loc); at.IsZero() || !at.Before(to) {
				if i != len(want) {
					r.Fatalf("%q in %v: %d ticks after %v; want %d, next %v", text, loc, i, from, len(want), want[i])
				}
				return
			}
			if i >= len(want) || !at.Equal(want[i]) {
				r.Fatalf("%q in %v: tick %d is %v; want %v", text, loc, i, at, want)
			}
		}
	})
}

func FuzzParseCron(f *testing.F) {
	for _, s := range []string{"* * * * *", "*/5 1-3,7 ? jan-MAR sun", "0 0 29 2 *", "@daily", "1/2 * * * * 7", "-1 * * * *", "CRON_TZ=x *"} {
		f.Add(s)
	}
	berlin, _ := time.LoadLocation("Europe/Berlin")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCron(text)
		if err != nil {
			if !fault.Has(err, fault.InvalidInput) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		at := time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)
		for range 5 {
			n := c.Next(at, berlin)
			if !n.After(at) || n.Nanosecond() != 0 {
				t.Fatalf("%q: after %v comes %v", text, at, n)
			}
			at = n
		}
	})
}
