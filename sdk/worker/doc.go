// Package worker runs activities: it takes tasks from a server over one stream, and gives their results back until the server says
// that they are recorded.
//
//	w := worker.New("127.0.0.1:7470", worker.Options{})
//	worker.Handle(w, hello.Greet, func(ctx context.Context, in hello.In) (string, error) {
//		return "Hello, " + in.Name, nil
//	})
//	log.Fatal(w.Run(ctx)) // the end of ctx drains: what runs is finished, and its results are delivered
//
// An attempt may run more than once where a server or a worker was lost at the wrong moment: Info(ctx).Key is the same each time.
package worker
