package jsonform_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/app/jsonform"
)

func TestPayloads(t *testing.T) {
	for name, c := range map[string]struct {
		payload *aionv1.Payload
		want    string
	}{
		"JSON stands as it is":             {&aionv1.Payload{ContentType: "application/json", Data: []byte(`{"b": 1,  "a":"<é>"}`)}, `{"b": 1,  "a":"<é>"}`},
		"null is a value":                  {&aionv1.Payload{ContentType: "application/json", Data: []byte(`null`)}, `null`},
		"nothing":                          {&aionv1.Payload{}, `{"base64":""}`},
		"bytes":                            {&aionv1.Payload{ContentType: "image/png", Data: []byte{0, 255}}, `{"content_type":"image/png","base64":"AP8="}`},
		"broken JSON":                      {&aionv1.Payload{ContentType: "application/json", Data: []byte(`{`)}, `{"content_type":"application/json","base64":"ew=="}`},
		"JSON of several lines":            {&aionv1.Payload{ContentType: "application/json", Data: []byte("[\n1]")}, `{"content_type":"application/json","base64":"WwoxXQ=="}`},
		"JSON that looks like our form":    {&aionv1.Payload{ContentType: "application/json", Data: []byte(`{"base64":""}`)}, `{"content_type":"application/json","base64":"eyJiYXNlNjQiOiIifQ=="}`},
		"metadata is not lost":             {&aionv1.Payload{ContentType: "application/json", Data: []byte(`1`), Metadata: map[string]string{"k": "v"}}, `{"content_type":"application/json","base64":"MQ==","metadata":{"k":"v"}}`},
		"surrounding space is not lost":    {&aionv1.Payload{ContentType: "application/json", Data: []byte(` 1`)}, `{"content_type":"application/json","base64":"IDE="}`},
		"numbers keep all of their digits": {&aionv1.Payload{ContentType: "application/json", Data: []byte(`1.0000000000000000001e400`)}, `1.0000000000000000001e400`},
	} {
		t.Run(name, func(t *testing.T) {
			m := &aionv1.QueryWorkflowResponse{Output: c.payload, AsOfSeq: 3}
			b, err := jsonform.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if want := `{"output":` + c.want + `,"asOfSeq":3}`; string(b) != want {
				t.Errorf("got %s, want %s", b, want)
			}
			back := &aionv1.QueryWorkflowResponse{}
			if err := jsonform.Unmarshal(b, back); err != nil || !proto.Equal(m, back) {
				t.Errorf("read back: %v, %v", back, err)
			}
		})
	}
}

// Any event comes back as it was, so that an exported history replays.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := func(name string) *aionv1.Payload {
			return &aionv1.Payload{
				ContentType: rapid.SampledFrom([]string{"application/json", "text/plain", ""}).Draw(t, name+" type"),
				Data:        []byte(rapid.OneOf(rapid.SampledFrom([]string{`{"a":1}`, `"x"`, `null`, `{"base64":"x"}`, ` 1 `, "{}"}), rapid.String()).Draw(t, name)),
			}
		}
		m := &aionv1.GetHistoryResponse{RunId: rapid.String().Draw(t, "run"), Events: []*aionv1.HistoryEvent{
			{Seq: rapid.Uint32().Draw(t, "seq"), Attributes: &aionv1.HistoryEvent_Started{Started: &aionv1.Started{
				Input: payload("input"), Seed: []byte{1, 2}, Header: map[string]string{rapid.String().Draw(t, "k"): "v"},
			}}},
			{Attributes: &aionv1.HistoryEvent_Failed{Failed: &aionv1.Failed{
				Failure: &aionv1.Failure{Message: rapid.String().Draw(t, "message"), Details: payload("details"), Cause: &aionv1.Failure{Details: payload("cause")}},
			}}},
		}}
		b, err := jsonform.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		back := &aionv1.GetHistoryResponse{}
		if err := jsonform.Unmarshal(b, back); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if !proto.Equal(m, back) {
			t.Fatalf("\n in %v\nout %v", m, back)
		}
	})
}

func TestBadText(t *testing.T) {
	for _, text := range []string{"", "x", "[]", `{"seq":1,"surprise":2}`, `{"started":{"input":{"base64":"%%"}}}`, `{"started":7}`} {
		if err := jsonform.Unmarshal([]byte(text), &aionv1.HistoryEvent{}); err == nil {
			t.Errorf("%q was read without an error", text)
		}
	}
}
