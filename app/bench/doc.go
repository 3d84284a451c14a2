// Package bench measures a server on the machine at hand: client, worker and server as three processes of the same binary. Every result
// carries its ratio to a floor, which is measured on the same disk and the same loopback interface, so that it means something anywhere.
package bench
