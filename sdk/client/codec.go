package client

import (
	"context"
	"fmt"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/aionrun/aion/sdk/internal/contract"
	"github.com/aionrun/aion/sdk/payload"
)

// encoding passes the opaque values of requests and answers through the codecs: once for each call, whatever its repetitions.
type encoding struct{ codecs payload.Codecs }

var _ connect.Interceptor = encoding{}

// WrapUnary implements connect.Interceptor.
func (e encoding) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if m, ok := req.Any().(proto.Message); ok {
			if err := contract.Convert(m, e.codecs.Encode); err != nil {
				return nil, fmt.Errorf("a value of the request cannot be encoded: %w", err)
			}
		}
		res, err := next(ctx, req)
		if err != nil {
			return nil, err
		}
		if m, ok := res.Any().(proto.Message); ok {
			if err := contract.Convert(m, e.codecs.Decode); err != nil {
				return nil, fmt.Errorf("a value of the answer cannot be decoded: %w", err)
			}
		}
		return res, nil
	}
}

// WrapStreamingClient implements connect.Interceptor: what is followed shows events as they are recorded.
func (encoding) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements connect.Interceptor.
func (encoding) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}
