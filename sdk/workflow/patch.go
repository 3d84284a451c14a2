package workflow

import "github.com/aionrun/aion/sdk/guest"

// Patched lets code change while runs of it are open: true where the patch called id may run, false in a run that came past this place before the
// patch was there. The answer is recorded, and the same for the whole run.
//
//	if workflow.Patched(ctx, "check the address") {
//		_, err = CheckAddress.Execute(ctx, o)
//	}
//
// When no run is left that began before the patch, the call may be removed and its branch kept.
func Patched(ctx Context, id string) bool { return guest.Patched(ctx, id) }
