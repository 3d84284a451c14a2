// Package workflows is the code that the conformance suite of ports.Runtime drives, written with the SDK: a native runtime links it, a
// sandbox runs it as a package. A runtime with guests of another kind may bring its own code instead, as long as it does the same; the
// comment of each workflow says what the suite relies on.
package workflows

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// Step is the activity that the workflows ask for.
var Step = activity.Define[workflow.Payload, workflow.Payload]("step", activity.Options{StartToClose: time.Minute})

var (
	add    = workflow.DefineSignal[string]("add")
	done   = workflow.DefineSignal[workflow.None]("done")
	seen   = workflow.DefineQuery[workflow.None, string]("seen")
	echo   = workflow.DefineQuery[workflow.Payload, workflow.Payload]("echo")
	broken = workflow.DefineQuery[workflow.None, string]("broken")
	raise  = workflow.DefineUpdate[int, int]("raise")
)

// Workflows lists what every runtime must be able to run.
func Workflows() []workflow.Definition {
	return []workflow.Definition{echoes, steps, nap, inbox, desk, dice, chatty, shuffle, panics, patchy}
}

// Misbehaving lists code that only a sandbox can stop.
func Misbehaving() []workflow.Definition {
	return []workflow.Definition{spin, hog, dive, stuck, sleep, quit}
}

// echoes ends at once with its input.
var echoes = workflow.Define("echo", func(_ workflow.Context, in workflow.Payload) (workflow.Payload, error) { return in, nil })

// steps runs as many activities as its input says, one after the other, with inputs 0, 1, 2, …, and ends with the last one's result.
var steps = workflow.Define("steps", func(ctx workflow.Context, n int) (last workflow.Payload, err error) {
	for i := range n {
		in, err := workflow.NewPayload(i)
		if err != nil {
			return last, err
		}
		if last, err = Step.Execute(ctx, in); err != nil {
			return last, err
		}
	}
	return last, nil
})

// nap sets a timer of five seconds and ends with the time that it sees then, in nanoseconds.
var nap = workflow.Define("nap", func(ctx workflow.Context, _ workflow.None) (int64, error) {
	err := workflow.Sleep(ctx, 5*time.Second)
	return workflow.Now(ctx).UnixNano(), err
})

// inbox collects the texts of the signal "add" until "done" comes, and ends with them, joined by commas. Its query "seen" answers the same
// so far, "echo" answers its input, "broken" fails with "no such luck".
var inbox = workflow.Define("inbox", func(ctx workflow.Context, _ workflow.None) (string, error) {
	var all []string
	seen.Handle(ctx, func(workflow.None) (string, error) { return strings.Join(all, ","), nil })
	echo.Handle(ctx, func(p workflow.Payload) (workflow.Payload, error) { return p, nil })
	broken.Handle(ctx, func(workflow.None) (string, error) { return "", errors.New("no such luck") })
	for over := false; !over; {
		err := workflow.Select(ctx,
			add.On(func(v string, err error) {
				if err == nil {
					all = append(all, v)
				}
			}),
			done.On(func(workflow.None, error) { over = true }))
		if err != nil {
			return "", err
		}
	}
	return strings.Join(all, ","), nil
})

// desk has a level, which its update "raise" raises by its input and answers. One above 10 is rejected as "too high", of type "too_high", by a
// validator that leaves the level at 1000. It ends with the level when the signal "done" comes.
var desk = workflow.Define("desk", func(ctx workflow.Context, _ workflow.None) (int, error) {
	level := 0
	raise.HandleValidated(ctx, func(n int) error {
		if level+n > 10 {
			level = 1000
			return activity.Type("too_high").Errorf("too high")
		}
		return nil
	}, func(_ workflow.Context, n int) (int, error) {
		level += n
		return level, nil
	})
	_, err := done.Receive(ctx)
	return level, err
})

// patchy gets names of patches by the signal "add", each as often as it comes, and asks for an activity where the patch is in, whose input is the
// name, and for a timer of five seconds where it is not. Its query "seen" answers the names that were in, joined by commas.
var patchy = workflow.Define("patchy", func(ctx workflow.Context, _ workflow.None) (string, error) {
	var all []string
	seen.Handle(ctx, func(workflow.None) (string, error) { return strings.Join(all, ","), nil })
	for {
		name, err := add.Receive(ctx)
		if err != nil {
			return "", err
		}
		if !workflow.Patched(ctx, name) {
			workflow.NewTimer(ctx, 5*time.Second)
			continue
		}
		all = append(all, name)
		in, err := workflow.NewPayload(name)
		if err != nil {
			return "", err
		}
		Step.Start(ctx, in)
	}
})

// dice ends with randomness of the run: the same for the same seed.
var dice = workflow.Define("dice", func(ctx workflow.Context, _ workflow.None) (string, error) { return workflow.UUID(ctx), nil })

// chatty logs one line, "hello" with who = world, at level warning, and ends.
var chatty = workflow.Define("chatty", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
	workflow.Logger(ctx).Warn("hello", "who", "world")
	return workflow.None{}, nil
})

// shuffle asks for 20 activities at once, uses randomness and coroutines, and ends when all are done.
var shuffle = workflow.Define("shuffle", func(ctx workflow.Context, _ workflow.None) (string, error) {
	r := workflow.Rand(ctx)
	var waits []workflow.Future[workflow.Payload]
	for range 20 {
		in, err := workflow.NewPayload(r.IntN(1_000_000))
		if err != nil {
			return "", err
		}
		waits = append(waits, Step.Start(ctx, in))
	}
	out, err := workflow.All(ctx, waits...)
	return fmt.Sprint(len(out), r.IntN(1_000_000)), err
})

// panics panics.
var panics = workflow.Define("panic", func(workflow.Context, workflow.None) (string, error) { panic("the sky is falling") })

// spin never ends.
var spin = workflow.Define("spin", func(workflow.Context, workflow.None) (workflow.None, error) {
	for i := 0; ; i++ {
		sink = i
	}
})

var (
	sink int
	kept [][]byte
)

// hog keeps whatever it allocates.
var hog = workflow.Define("hog", func(workflow.Context, workflow.None) (workflow.None, error) {
	for {
		b := make([]byte, 1<<20)
		b[0] = 1
		kept = append(kept, b)
	}
})

// dive calls itself without end.
var dive = workflow.Define("dive", func(workflow.Context, workflow.None) (int, error) { return deeper(1), nil })

func deeper(n int) int { return deeper(n+1) + n }

// stuck waits for a channel that nobody else has.
var stuck = workflow.Define("stuck", func(workflow.Context, workflow.None) (int, error) { return <-make(chan int), nil })

// sleep waits for real time to pass.
var sleep = workflow.Define("sleep", func(workflow.Context, workflow.None) (workflow.None, error) {
	time.Sleep(time.Hour)
	return workflow.None{}, nil
})

// quit ends the process.
var quit = workflow.Define("quit", func(workflow.Context, workflow.None) (workflow.None, error) {
	os.Exit(3)
	return workflow.None{}, nil
})
