// Package inprocess runs activities inside the process that embeds the engine: a worker without a network hop.
//
//	w := inprocess.New(engine, inprocess.Options{})
//	inprocess.Handle(w, hello.Greet, func(ctx context.Context, in hello.In) (string, error) {
//		return "Hello, " + in.Name, nil
//	})
//	go w.Run(ctx) // the end of ctx drains
//
// Its functions are those that sdk/worker takes, and their errors are recorded in the same way. What they learn about their attempt is in
// sdk/activity/attempt.
package inprocess
