package ports

import "github.com/aionrun/aion/domain/model"

// DeployRequest is an archive to store and to route.
type DeployRequest struct {
	Archive    []byte
	KeepRoutes bool           // store only
	Verify     *VerifyOptions // nil: route without looking
	Force      bool           // route also what does not replay
}

// VerifyOptions say which runs are looked at: for each workflow type, of the package that it is routed to now.
type VerifyOptions struct {
	Open    int  // at most so many open ones of each type, newest first
	Closed  int  // at most so many closed ones of each type, those that started last
	AllOpen bool // all open ones
}

// VerifyRequest names a package: by its archive, or one that is stored.
type VerifyRequest struct {
	Archive []byte
	Hash    string // or an unambiguous beginning of it, where Archive is nil
	Options VerifyOptions
}

// MaxDifferences bounds how many runs a Verification names.
const MaxDifferences = 100

// Verification says which runs a package replays.
type Verification struct {
	Package     model.PackageHash
	Types       []VerifiedType // in order of type
	Differences []Difference   // at most MaxDifferences
}

// Different counts the runs that do not replay, and all that were looked at.
func (v *Verification) Different() (different, runs int) {
	for _, t := range v.Types {
		different += t.Different
		runs += t.Open + t.Closed
	}
	return different, runs
}

// VerifiedType counts the runs of one type that were looked at.
type VerifiedType struct {
	Type      model.WorkflowType
	Routed    model.PackageHash // "" = none: there is nothing to look at
	Open      int
	Closed    int
	Different int
	More      bool // there are more open runs
}

// Difference is a run that does not replay, and where.
type Difference struct {
	Key      model.ChainKey
	Run      model.RunID
	Type     model.WorkflowType
	Open     bool
	AtSeq    model.Seq // 0 when the code ended otherwise, which Problem tells
	Expected string
	Found    string
	Problem  string
}
