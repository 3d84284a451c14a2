package ports

import "github.com/aionrun/aion/domain/model"

// ForkRequest names a run and where it forks.
type ForkRequest struct {
	Ref            WorkflowRef
	At             model.Seq         // the Activated of the last activation that is copied; 0 = the last one after which the run was open
	NewID          model.WorkflowID  // "" = derived from the RequestID, or minted
	Package        model.PackageHash // or an unambiguous beginning of it; "" = that of the copied run
	ReapplySignals bool
	Reason         string
	RequestID      model.RequestID
	Identity       string
}

// ForkResult names the new run.
type ForkResult struct {
	WorkflowID model.WorkflowID
	Run        model.RunID
	Package    model.PackageHash
	At         model.Seq
}
