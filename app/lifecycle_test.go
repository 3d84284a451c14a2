package app

import (
	"context"
	"errors"
	"slices"
	"testing"
)

func TestLifecycle(t *testing.T) {
	var log []string
	broken := errors.New("broken")
	logged := func(name string, fails error) part {
		return part{name, func(context.Context) error { log = append(log, "+"+name); return fails }, func() error { log = append(log, "-"+name); return nil }}
	}
	t.Run("starts in order, stops in reverse, once", func(t *testing.T) {
		log = nil
		l := lifecycle{parts: []part{logged("a", nil), logged("b", nil)}}
		if err := errors.Join(l.start(t.Context()), l.stop(), l.stop()); err != nil {
			t.Fatal(err)
		}
		if want := []string{"+a", "+b", "-b", "-a"}; !slices.Equal(log, want) {
			t.Errorf("got %v, want %v", log, want)
		}
	})
	t.Run("a failing part stops those before it", func(t *testing.T) {
		log = nil
		l := lifecycle{parts: []part{logged("a", nil), logged("b", broken), logged("c", nil)}}
		if err := l.start(t.Context()); !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if want := []string{"+a", "+b", "-a"}; !slices.Equal(log, want) {
			t.Errorf("got %v, want %v", log, want)
		}
	})
}
