package asm

// Where the small guest keeps things in its memory.
const (
	Input       = 4096 // what aion_alloc gives
	Description = 1024
	Answer      = 2048
)

// The imports of the small guest, by index.
const (
	Yield = iota
	ProcExit
	FdWrite
	RandomGet
	ClockTimeGet
	PollOneoff
)

// Guest is a module that follows the guest ABI: it describes the workflow "w" and answers every activation with nothing. Tests replace
// its functions by name.
func Guest() *Builder {
	b := &Builder{}
	b.Import("aion", "yield", ":")
	b.Import("wasi_snapshot_preview1", "proc_exit", "i:")
	b.Import("wasi_snapshot_preview1", "fd_write", "iiii:i")
	b.Import("wasi_snapshot_preview1", "random_get", "ii:i")
	b.Import("wasi_snapshot_preview1", "clock_time_get", "ili:i")
	b.Import("wasi_snapshot_preview1", "poll_oneoff", "iiii:i")
	b.Memory(Seq(0, U(1)))
	b.Export("memory", 2, 0)
	description := Seq(0x0a, 3, 0x0a, 1, "w", 0x12, 5, "asm 1")
	b.Data(Description, string(description))
	b.Func("_initialize", ":", "")
	b.Func("aion_abi_v1", ":i", "", I32(1))
	b.Func("aion_alloc", "i:i", "", I32(Input))
	b.Func("aion_describe", ":l", "", Span(Description, uint32(len(description))))
	b.Func("aion_activate", "i:l", "", Span(Answer, 0))
	b.Func("aion_query", "i:l", "", Span(Answer, 0))
	return b
}
