package workflow

import (
	"fmt"

	"github.com/aionrun/aion/sdk/guest"
)

// A Log writes log lines of the workflow. Lines are written once: those of a replay are dropped.
type Log struct {
	ctx   Context
	attrs []guest.Entry
}

// Logger gives the run's log.
func Logger(ctx Context) Log { return Log{ctx: ctx} }

// With gives a Log whose lines all carry args: keys and values in turn.
func (l Log) With(args ...any) Log {
	return Log{l.ctx, append(l.attrs[:len(l.attrs):len(l.attrs)], entries(args)...)}
}

// The levels of log/slog.
const (
	levelDebug = -4
	levelInfo  = 0
	levelWarn  = 4
	levelError = 8
)

// Debug writes a line; args are keys and values in turn.
func (l Log) Debug(msg string, args ...any) { l.log(levelDebug, msg, args) }

// Info writes a line; args are keys and values in turn.
func (l Log) Info(msg string, args ...any) { l.log(levelInfo, msg, args) }

// Warn writes a line; args are keys and values in turn.
func (l Log) Warn(msg string, args ...any) { l.log(levelWarn, msg, args) }

// Error writes a line; args are keys and values in turn.
func (l Log) Error(msg string, args ...any) { l.log(levelError, msg, args) }

func (l Log) log(level int, msg string, args []any) {
	guest.Log(l.ctx, level, msg, append(l.attrs[:len(l.attrs):len(l.attrs)], entries(args)...))
}

// entries pairs keys with values, like log/slog does: a key that is no string, or has no value, becomes the value of "!BADKEY".
func entries(args []any) []guest.Entry {
	out := make([]guest.Entry, 0, (len(args)+1)/2)
	for len(args) > 0 {
		key, ok := args[0].(string)
		if !ok || len(args) == 1 {
			out = append(out, guest.Entry{Key: "!BADKEY", Value: fmt.Sprint(args[0])})
			args = args[1:]
			continue
		}
		out = append(out, guest.Entry{Key: key, Value: fmt.Sprint(args[1])})
		args = args[2:]
	}
	return out
}
