package filter_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/filter"
	"github.com/aionrun/aion/domain/model"
)

var now = time.Date(2026, 5, 6, 7, 8, 9, 123456789, time.UTC)

var schema = filter.NewSchema(map[string]model.AttributeType{
	"vip": model.AttributeBool, "amount": model.AttributeInt, "weight": model.AttributeFloat, "due": model.AttributeDatetime,
	"customer": model.AttributeKeyword, "tags": model.AttributeKeywordList, "note": model.AttributeText,
})

// [V-1] A filter is read as it is meant: what it prints as says how it was understood.
func TestParse(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"", "order by started_at desc"},
		{"order by amount", "order by amount"},
		{"workflow_type = 'order' and status in ('Failed','Blocked') and customer = 'a' and started_at > now() - 1h order by started_at desc",
			"workflow_type = 'order' and status in ('Failed', 'Blocked') and customer = 'a' and started_at > '2026-05-06T06:08:09.123456789Z' order by started_at desc"},
		{"amount=1 or amount=2 and vip=true", "amount = 1 or amount = 2 and vip = true order by started_at desc"},
		{"(amount=1 OR amount=2) AND vip=true", "(amount = 1 or amount = 2) and vip = true order by started_at desc"},
		{"not (amount <> 1) and customer not in ('a')", "not amount != 1 and customer not in ('a') order by started_at desc"},
		{"due < now() + 1d12h - 30m", "due < '2026-05-07T18:38:09.123456789Z' order by started_at desc"},
		{"due >= '2026-01-02'", "due >= '2026-01-02T00:00:00Z' order by started_at desc"},
		{"weight < -1.5e3 and amount > -7", "weight < -1500 and amount > -7 order by started_at desc"},
		{"customer = 'it''s' and note contains 'Late, late Delivery'", "customer = 'it''s' and note contains 'Late, late Delivery' order by started_at desc"},
		{"customer is not null and closed_at is null and tags = 'x' and customer starts_with 'eu-'",
			"customer is not null and closed_at is null and tags = 'x' and customer starts_with 'eu-' order by started_at desc"},
		{"not amount < 3 order by due asc", "not amount < 3 order by due"},
	} {
		q, err := filter.Parse(c.src, schema, now)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
		} else if q.String() != c.want {
			t.Errorf("%s\n\tis read as  %s\n\tand not as  %s", c.src, q, c.want)
		}
	}
}

// [V-1] An error names the column, what is there and what is allowed.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ src, column, says string }{
		{"custmer = 'a'", "1", `there is no field "custmer"; did you mean customer?`},
		{"ünknown = 1", "1", `'ü' means nothing here`},
		{"customer = 'ü' and nope = 1", "20", `fields are: workflow_id, run_id`},
		{"customer = \"a\"", "12", "single quotes"},
		{"customer = 'a", "12", "has no end"},
		{"customer = a", "12", "a text in single quotes must stand here"},
		{"customer == 'a'", "11", "a text in single quotes must stand here"},
		{"amount = 1.5", "10", "not a whole number"},
		{"amount = 99999999999999999999", "10", "not a whole number"},
		{"weight = 1e999", "10", "not a number that it can hold"},
		{"vip = 1", "7", "true or false"},
		{"vip < true", "5", `vip is a bool, for which there is no "<"; it knows =, !=, in, is null`},
		{"tags starts_with 'a'", "6", "it knows =, !=, in, is null"},
		{"note = 'late'", "6", "it knows contains, is null"},
		{"note contains '...'", "15", "no word"},
		{"status = 'failed'", "10", "statuses are: Running, Completed"},
		{"started_at > 'yesterday'", "14", "is not a moment"},
		{"started_at > now - 1h", "18", "'()'"},
		{"started_at > now() - 1y", "22", "is not a duration"},
		{"started_at > now() - 1", "22", "a duration"},
		{"customer", "9", "after customer must follow"},
		{"customer in ()", "14", "a text in single quotes"},
		{"customer in ('a'", "17", "',' or ')'"},
		{"customer is empty", "13", "'null' or 'not null'"},
		{"(customer = 'a'", "16", "')'"},
		{"customer = 'a' customer = 'b'", "16", "'and', 'or', 'order by' or the end"},
		{"customer = 'a' and", "19", "a field must stand here, not the end"},
		{"order by tags", "10", "cannot be ordered by tags"},
		{"order by closed_at", "10", "cannot be ordered by closed_at"},
		{"order customer", "1", "there is no field"},
		{strings.Repeat("(", 40) + "vip = true" + strings.Repeat(")", 40), "34", "nested deeper than 32"},
		{strings.Repeat("vip = true and ", 101) + "vip = true", "1501", "more than 100 conditions"},
		{"amount in (" + strings.Repeat("1,", 100) + "1)", "213", "more than 100 values"},
	} {
		_, err := filter.Parse(c.src, schema, now)
		f, ok := err.(*fault.Error)
		if !ok || f.Reason != fault.InvalidInput {
			t.Errorf("%.60s gives %v", c.src, err)
			continue
		}
		if !strings.Contains(f.Message, c.says) || f.Metadata["column"] != c.column {
			t.Errorf("%.60s says, at column %s, %s\n\twant column %s, %q", c.src, f.Metadata["column"], f.Message, c.column, c.says)
		}
	}
	if _, err := filter.Parse(strings.Repeat(" ", filter.MaxBytes+1), schema, now); !fault.Has(err, fault.InvalidInput) {
		t.Errorf("too long a filter gives %v", err)
	}
}

type record map[string]model.AttributeValue

func (r record) FilterValue(f filter.Field) model.AttributeValue { return r[f.Name] }

// [V-1] A condition is true or false; about a value that is not set only "is null" and opposites are true.
func TestEval(t *testing.T) {
	run := record{
		"workflow_id": model.KeywordValue("o-1"), "status": model.ListValue("Running", "Blocked"), "started_at": model.TimeValue(now),
		"vip": model.BoolValue(true), "amount": model.IntValue(5), "weight": model.FloatValue(-0.5), "customer": model.KeywordValue("Acme"),
		"tags": model.ListValue("b", "a"), "note": model.TextValue("The parcel is LATE, again: late!"),
	}
	for src, want := range map[string]bool{
		"": true, "workflow_id = 'o-1'": true, "workflow_id != 'o-1'": false, "status = 'Blocked'": true, "status = 'Paused'": false, "status != 'Running'": false,
		"vip = true": true, "vip != true": false, "vip in (false)": false,
		"amount = 5": true, "amount < 5": false, "amount <= 5": true, "amount > 4": true, "amount >= 6": false, "amount in (1, 5)": true, "amount not in (1, 5)": false,
		"weight < 0": true, "weight = -0.5": true, "started_at >= now()": true, "started_at > now()": false,
		"customer = 'acme'": false, "customer starts_with 'Ac'": true, "customer > 'Abc'": true, "customer not starts_with 'x'": true,
		"tags = 'a'": true, "tags != 'a'": false, "tags in ('x', 'b')": true, "tags = 'c'": false,
		"note contains 'late'": true, "note contains 'parcel again'": true, "note contains 'lat'": false, "note not contains 'early'": true,
		"due is null": true, "due is not null": false, "due = now()": false, "due != now()": true, "due < now()": false, "not due < now()": true, "due in (now())": false, "due not in (now())": true,
		"customer is null or amount = 5": true, "customer is null and amount = 5": false, "not (customer is null or amount = 6)": true,
		"order by amount": true, "order by due": false, "amount = 5 order by due": false,
	} {
		q, err := filter.Parse(src, schema, now)
		if err != nil {
			t.Errorf("%s: %v", src, err)
		} else if got := q.Matches(run); got != want {
			t.Errorf("%q is %v, want %v", src, got, want)
		}
	}
}

// [V-1] now() is one moment in the whole filter.
func TestNowIsFixed(t *testing.T) {
	q, err := filter.Parse("started_at <= now() and started_at >= now()", schema, now)
	if err != nil || !q.Matches(record{"started_at": model.TimeValue(now)}) {
		t.Fatalf("%v, %v", q, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "a", "customer = 'a' order by amount", "not (vip=true or tags in ('a','b'))", "due > now() - 1h30m", "note contains 'x y'", "weight<-1e-5", "''''", "((((("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		q, err := filter.Parse(src, schema, now)
		if err != nil {
			if !fault.Has(err, fault.InvalidInput) {
				t.Fatalf("%q gives %v", src, err)
			}
			return
		}
		again, err := filter.Parse(q.String(), schema, now.Add(time.Hour))
		if err != nil || again.String() != q.String() {
			t.Fatalf("%q prints as %s, which is read as %v, %v", src, q, again, err)
		}
	})
}
