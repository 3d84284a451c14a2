package client

import (
	"crypto/tls"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/sdk/internal/link"
	"github.com/aionrun/aion/sdk/payload"
)

// Options say who is calling. The zero value is useful: empty fields come from the environment.
type Options struct {
	Namespace string // "" = AION_NAMESPACE, else "default"
	Token     string // "" = AION_TOKEN, or what AION_TOKEN_FILE holds at the time
	Identity  string // a name that only servers of development believe

	// TLS is used for https addresses, and makes an address without a scheme one. nil = AION_TLS_CA_FILE, AION_TLS_CERT_FILE,
	// AION_TLS_KEY_FILE and AION_TLS_SERVER_NAME, where one of them is set.
	TLS *tls.Config

	// Interceptors stand around every call, outside of its repetitions; the first is the outermost.
	Interceptors []connect.Interceptor

	// Codecs encode and decode values of the type payload.Opaque: the first writes, all of them read. Workers need the same ones.
	Codecs payload.Codecs

	// HTTPClient replaces the connection, for tests and proxies of one's own. It must speak HTTP/2 where workers use it.
	HTTPClient connect.HTTPClient
}

// Client calls one server, in one namespace. Safe for concurrent use.
type Client struct {
	link       *link.Link
	workflows  aionv1connect.WorkflowServiceClient
	packages   aionv1connect.PackageServiceClient
	operator   aionv1connect.OperatorServiceClient
	namespaces aionv1connect.NamespaceServiceClient
	schedules  aionv1connect.ScheduleServiceClient
}

// Dial makes a client of the server at addr: host:port, http://host:port or https://host:port; "" is AION_ADDRESS, else
// 127.0.0.1:7470. Of several Options the last counts. It does not connect: the first call does. An error names the setting that cannot work.
func Dial(addr string, opts ...Options) (*Client, error) {
	var o Options
	if len(opts) > 0 {
		o = opts[len(opts)-1]
	}
	l, err := link.Open(link.Settings{
		Address: addr, Namespace: o.Namespace, Token: o.Token, Identity: o.Identity, TLS: o.TLS, HTTPClient: o.HTTPClient,
	})
	if err != nil {
		return nil, err
	}
	options := connect.WithClientOptions(
		link.Options(), connect.WithInterceptors(o.Interceptors...), connect.WithInterceptors(encoding{o.Codecs}, repeating{l}),
	)
	return &Client{
		link:       l,
		workflows:  aionv1connect.NewWorkflowServiceClient(l.HTTP, l.URL, options),
		packages:   aionv1connect.NewPackageServiceClient(l.HTTP, l.URL, options),
		operator:   aionv1connect.NewOperatorServiceClient(l.HTTP, l.URL, options),
		namespaces: aionv1connect.NewNamespaceServiceClient(l.HTTP, l.URL, options),
		schedules:  aionv1connect.NewScheduleServiceClient(l.HTTP, l.URL, options),
	}, nil
}

// Namespace is where the client's workflows are.
func (c *Client) Namespace() string { return c.link.Namespace }

// Close lets go of idle connections. Calls that are going on are not disturbed.
func (c *Client) Close() { c.link.Close() }

// Workflows is the service beneath: the contract's own messages, with the same credentials, request IDs and repetitions. Its errors
// are *connect.Error, which ReasonOf understands too.
func (c *Client) Workflows() aionv1connect.WorkflowServiceClient { return c.workflows }

// Packages is the service that takes workflow packages and routes types to them.
func (c *Client) Packages() aionv1connect.PackageServiceClient { return c.packages }

// Namespaces is the service that declares namespaces and the search attributes of their runs.
func (c *Client) Namespaces() aionv1connect.NamespaceServiceClient { return c.namespaces }

// Schedules is the service that makes runs start by themselves.
func (c *Client) Schedules() aionv1connect.ScheduleServiceClient { return c.schedules }

// Operator is the service that shows workers and task queues.
func (c *Client) Operator() aionv1connect.OperatorServiceClient { return c.operator }
