// Package client starts workflows, sends them signals, asks them queries and looks at them, from outside.
//
//	c, err := client.Dial("127.0.0.1:7470")
//	run, err := client.Start(ctx, c, hello.Hello, hello.In{Name: "Ada"}, client.StartOptions{ID: "hello-ada"})
//	out, err := run.Result(ctx) // a string, as hello.Hello says
//
// Every call that changes something carries a request ID, and is repeated with that same ID when the server could not be reached
// or asks to come again: it takes effect once. Errors of calls are told apart by ReasonOf; a run that did not complete gives a
// *RunError, in which errors.Is finds the error type of the workflow.
package client
