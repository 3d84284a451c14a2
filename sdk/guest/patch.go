package guest

import "fmt"

// Patched says whether the code of a patch may run: the host answers, and the first answer is kept for the run. The host tells true while the code
// makes steps, and on replay what it told then.
func Patched(ctx Context, id string) bool {
	in := ctx.inst
	in.use("workflow.Patched")
	if id == "" || len(id) > maxPatchID {
		panic(fmt.Sprintf("workflow.Patched was called with a name of %d bytes; it has 1 to %d", len(id), maxPatchID))
	}
	if in.patches == nil {
		in.patches = map[string]bool{}
	}
	yes, known := in.patches[id]
	if !known {
		yes = in.Patches != nil && in.Patches(id)
		in.patches[id] = yes
	}
	return yes
}

const maxPatchID = 255
