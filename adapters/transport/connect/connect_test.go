package connect_test

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"testing"

	connectrpc "connectrpc.com/connect"
	"go.uber.org/goleak"

	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server until the end of the test and gives its address.
func serve(t testing.TB, o connect.Options) string {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	s := httptest.NewUnstartedServer(nil)
	s.Config = connect.Server(connect.Handler(o))
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

func dial(o ...connectrpc.ClientOption) transporttest.Dial {
	return func(t *testing.T, s transporttest.Setup) ports.Service {
		client := connect.HTTPClient()
		url := serve(t, connect.Options{
			Service: s.Service, Auth: s.Auth, PageSize: s.PageSize, MaxRequestBytes: s.MaxRequestBytes, MaxArchiveBytes: s.MaxArchiveBytes,
		})
		t.Cleanup(client.CloseIdleConnections)
		return connect.NewRemote(client, url, o...)
	}
}

// Every protocol carries the same things.
func TestTransport(t *testing.T) {
	for name, o := range map[string][]connectrpc.ClientOption{
		"ConnectProto":     {},
		"ConnectJSON":      {connectrpc.WithProtoJSON()},
		"GRPC":             {connectrpc.WithGRPC()},
		"GRPCJSON":         {connectrpc.WithGRPC(), connectrpc.WithProtoJSON()},
		"GRPCWeb":          {connectrpc.WithGRPCWeb()},
		"ConnectProtoGzip": {connectrpc.WithSendGzip()},
		"GRPCGzip":         {connectrpc.WithGRPC(), connectrpc.WithSendGzip()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transporttest.Run(t, dial(o...))
		})
	}
}
