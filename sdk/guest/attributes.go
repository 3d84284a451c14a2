package guest

import (
	"maps"
	"slices"
	"strings"
)

// UpsertSearchAttributes sets search attributes of the run; the zero Payload removes one. Setting none does nothing.
func UpsertSearchAttributes(ctx Context, values map[string]Payload) {
	ctx.inst.use("setting search attributes")
	if len(values) == 0 {
		return
	}
	b, outer, inner := openCommand(ctx.inst.commands, kindSearchAttributes)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		var mark int
		b, mark = openMessage(b, 1)
		b = appendString(b, 1, strings.ToValidUTF8(name, "\uFFFD"))
		b = appendPayload(b, 2, values[name])
		b = closeMessage(b, mark)
	}
	ctx.inst.commands = closeCommand(b, outer, inner)
}
