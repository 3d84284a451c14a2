package aiontest_test

import (
	"fmt"
	"runtime"
	"testing"
)

// fake stands for a *testing.T: that of an example, or one that is to fail.
type fake struct {
	testing.TB
	cleanups []func()
	errors   []string
	exit     bool // Fatalf ends the goroutine, as that of a *testing.T
}

func (f *fake) Helper()                   {}
func (f *fake) Name() string              { return "Example" }
func (f *fake) Cleanup(c func())          { f.cleanups = append(f.cleanups, c) }
func (f *fake) Logf(string, ...any)       {}
func (f *fake) Errorf(s string, a ...any) { f.errors = append(f.errors, fmt.Sprintf(s, a...)) }
func (f *fake) Fatal(a ...any)            { f.Fatalf("%s", fmt.Sprint(a...)) }
func (f *fake) Fatalf(s string, a ...any) {
	if f.exit {
		runtime.Goexit()
	}
	panic(fmt.Sprintf(s, a...))
}

func (f *fake) end() {
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
}
