// Package connect serves the wire contract (api/proto/aion/v1) over the Connect, gRPC and gRPC-Web protocols, and JSON over HTTP
// with them, on one port. Handler is the server's side; Remote is a ports.Service that calls such a server.
package connect
