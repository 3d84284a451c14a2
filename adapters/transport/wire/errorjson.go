package wire

import (
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
)

// ErrorJSON is an error as plain HTTP answers it: {code, message, details: [ErrorInfo]}.
func ErrorJSON(e Error) []byte {
	body := struct {
		Code    string            `json:"code"`
		Message string            `json:"message"`
		Details []json.RawMessage `json:"details"`
	}{e.Code.String(), e.Message, []json.RawMessage{}}
	if detail, err := anypb.New(e.Info); err == nil {
		if b, err := protojson.Marshal(detail); err == nil {
			body.Details = append(body.Details, b)
		}
	}
	b, err := json.Marshal(body)
	if err != nil {
		return []byte(`{"code":"internal","message":"the answer cannot be written"}`)
	}
	return b
}
