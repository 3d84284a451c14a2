// Package websocket serves the event stream at GET /api/v1/events, subprotocol aion.v1.json: many subscriptions on one socket, each frame a message
// aion.v1.EventFrame as JSON (protocol in docs/events.md).
package websocket
