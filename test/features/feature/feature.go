package feature

import (
	"errors"
	"testing"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
)

// A Feature is one small workflow, and what happens to it. The Script runs it with the functions of aiontest on f.Env, and says by the methods of
// F what is expected. It is run once for each runtime and store, each time with the same identifiers, seeds and times; so it must not look at
// anything else.
type Feature struct {
	Script func(f *F)
	// AnyOrder says that what happens at the same moment may be recorded in any order, e.g. the results of activities that run beside each
	// other: the histories of two runs of the script are not compared then. They must replay all the same.
	AnyOrder bool
}

// F is one run of a script.
type F struct {
	testing.TB
	Env *aiontest.Env
}

// ID is the workflow ID that scripts use where one is enough.
const ID = "feature"

// Result waits for the end of a run, and expects that it completed with want.
func Result[O comparable](f *F, r *aiontest.Run[O], want O) {
	f.Helper()
	got, err := r.Result()
	if err != nil {
		f.Errorf("workflow %q: %v", r.ID(), err)
	} else if got != want {
		f.Errorf("workflow %q gave %v, want %v", r.ID(), got, want)
	}
}

// Ends waits for the end of a run, and expects that it is closed with a status: Failed, Canceled, Terminated, TimedOut.
func Ends[O any](f *F, r *aiontest.Run[O], status string) {
	f.Helper()
	_ = EndedBy(f, r, status)
}

// EndedBy is Ends, and gives the error of the run.
func EndedBy[O any](f *F, r *aiontest.Run[O], status string) *aiontest.RunError {
	f.Helper()
	_, err := r.Result()
	var e *aiontest.RunError
	if !errors.As(err, &e) || e.Status != status {
		f.Fatalf("workflow %q ended with %v, want the status %s", r.ID(), err, status)
	}
	return e
}

// OK expects no error.
func (f *F) OK(err error) {
	f.Helper()
	if err != nil {
		f.Error(err)
	}
}

// Refused expects an error with a reason.
func (f *F) Refused(err error, reason fault.Reason) {
	f.Helper()
	if !fault.Has(err, reason) {
		f.Errorf("got %v, want an error with the reason %s", err, reason)
	}
}

// Is expects an error that target is found in.
func (f *F) Is(err, target error) {
	f.Helper()
	if !errors.Is(err, target) {
		f.Errorf("got %v, want %v in it", err, target)
	}
}

// Took expects that a duration has passed since the script began.
func (f *F) Took(want time.Duration) {
	f.Helper()
	if got := f.Env.Now().Sub(Began); got != want {
		f.Errorf("%v have passed, want %v", got, want)
	}
}

// Began is when every script begins.
var Began = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
