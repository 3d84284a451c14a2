package app

import (
	"context"
	"errors"
)

// part is something that starts before what needs it and stops after it. stop is called once, and only when start succeeded.
type part struct {
	name  string
	start func(ctx context.Context) error
	stop  func() error
}

// lifecycle starts parts in order and stops them in reverse. It belongs to one goroutine at a time.
type lifecycle struct {
	parts   []part
	running int
}

// start starts all parts; when one fails, those before it are stopped again.
func (l *lifecycle) start(ctx context.Context) error {
	for _, p := range l.parts {
		if err := p.start(ctx); err != nil {
			return errors.Join(err, l.stop())
		}
		l.running++
	}
	return nil
}

// stop stops what runs, last first.
func (l *lifecycle) stop() error {
	var all []error
	for ; l.running > 0; l.running-- {
		if p := l.parts[l.running-1]; p.stop != nil {
			all = append(all, p.stop())
		}
	}
	return errors.Join(all...)
}
