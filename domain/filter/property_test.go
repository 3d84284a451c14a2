package filter_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/filter"
	"github.com/aionrun/aion/ports/filtertest"
)

// [V-1] What is printed is read as the same query.
func TestPrintParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := filtertest.Query().Draw(t, "query")
		got, err := filter.Parse(q.String(), filtertest.Schema, time.Time{})
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		if !reflect.DeepEqual(got, q) {
			t.Fatalf("%s is read as %s\n%#v\n%#v", q, got, q, got)
		}
	})
}
