package wire

import (
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func encodeChildren(cs []ports.OpenChild) []*aionv1.OpenChild {
	var out []*aionv1.OpenChild
	for _, c := range cs {
		out = append(out, &aionv1.OpenChild{Ordinal: uint32(c.Ordinal), WorkflowType: text(string(c.Type)), WorkflowId: text(string(c.WorkflowID)), RunId: string(c.Run),
			AskedAt: EncodeTime(c.AskedAt), Canceling: c.Canceling})
	}
	return out
}

func decodeChildren(cs []*aionv1.OpenChild) []ports.OpenChild {
	var out []ports.OpenChild
	for _, c := range cs {
		out = append(out, ports.OpenChild{Ordinal: model.Ordinal(c.GetOrdinal()), Type: model.WorkflowType(c.GetWorkflowType()), WorkflowID: model.WorkflowID(c.GetWorkflowId()),
			Run: model.RunID(c.GetRunId()), AskedAt: DecodeTime(c.GetAskedAt()), Canceling: c.GetCanceling()})
	}
	return out
}

func encodeParent(p *ports.WorkflowRef) *aionv1.WorkflowRef {
	if p == nil {
		return nil
	}
	return EncodeRef(*p)
}

func decodeParent(p *aionv1.WorkflowRef) *ports.WorkflowRef {
	if p == nil {
		return nil
	}
	return &ports.WorkflowRef{Namespace: model.Namespace(p.GetNamespace()), WorkflowID: model.WorkflowID(p.GetWorkflowId()), Run: model.RunID(p.GetRunId())}
}
