package connect

import (
	"net/http"
	"time"
)

// Server gives an HTTP server for h that speaks HTTP/1.1 and HTTP/2 on one port, with TLS and without, and lets no silent or slow
// peer keep a connection for ever. There is no limit on how long an answer or a stream takes. The caller sets the rest (TLSConfig,
// BaseContext, ErrorLog, …) and serves.
func Server(h http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           h,
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          1000,
			MaxReceiveBufferPerConnection: 4 << 20,
			MaxReceiveBufferPerStream:     1 << 20,
			// A peer that is gone without a word is noticed by the ping that it does not answer.
			SendPingTimeout:  15 * time.Second,
			PingTimeout:      15 * time.Second,
			WriteByteTimeout: time.Minute,
		},
	}
}
