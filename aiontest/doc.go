// Package aiontest runs workflows in unit tests: the real engine, on a store in memory, with the workflow code compiled into the test, and
// a clock that skips time. A workflow that sleeps for a month takes no time at all, and every run of a test sees the same times.
//
//	env := aiontest.New(t, aiontest.Options{Workflows: hello.Workflows()})
//	aiontest.Handle(env, hello.Greet, func(ctx context.Context, in hello.In) (string, error) {
//		return "Hello, " + in.Name, nil
//	})
//	out, err := aiontest.Start(env, hello.Hello, hello.In{Name: "Ada"}).Result()
//
// Time passes only inside Result and Advance: while Result waits, and nothing else can happen, the clock jumps
// to the next moment at which something does. A run that waits for what never comes ends the test, with a message that says for what.
//
// Activities are functions, run by an in-process worker with the same errors, retries and time limits as behind a server. An activity that is
// to take time calls [Sleep].
//
// When the test ends, every run is replayed: code that does not make the same decisions again fails the test.
package aiontest
