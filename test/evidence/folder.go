package evidence

import (
	"path/filepath"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
)

// Folder is all that a folder of evidence holds.
type Folder struct {
	Ledger    []Step
	Starts    []Start
	Messages  []Message
	Kills     []Kill
	Histories map[string][]*aionv1.HistoryEvent // by workflow ID; each workflow has one run
}

// ReadFolder reads a folder of evidence. Files that are not there hold nothing.
func ReadFolder(dir string) (f Folder, err error) {
	if f.Ledger, err = ReadLog[Step](filepath.Join(dir, LedgerFile)); err != nil {
		return f, err
	}
	if f.Starts, err = ReadLog[Start](filepath.Join(dir, StartsFile)); err != nil {
		return f, err
	}
	if f.Messages, err = ReadLog[Message](filepath.Join(dir, MessagesFile)); err != nil {
		return f, err
	}
	if f.Kills, err = ReadLog[Kill](filepath.Join(dir, KillsFile)); err != nil {
		return f, err
	}
	f.Histories, err = ReadHistories(filepath.Join(dir, Histories))
	return f, err
}
