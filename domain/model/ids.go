// Package model holds the identifiers and values that every layer of Aion shares: names, payloads,
// failures, options and the status of a run. It imports the standard library only.
package model

import (
	"encoding/hex"
	"unicode"
	"unicode/utf8"

	"github.com/aionrun/aion/domain/fault"
)

// MaxIDBytes is the longest identifier that a caller may choose, in bytes of UTF-8.
const MaxIDBytes = 255

// MaxRequestIDBytes is the longest RequestID, in bytes of UTF-8.
const MaxRequestIDBytes = 128

// Namespace is a tenant's name: a DNS label (a-z, 0-9, '-', 1 to 63 bytes).
type Namespace string

// WorkflowID names a chain of runs inside a namespace. Chosen by the caller or minted (UUIDv7).
type WorkflowID string

// RunID names one run, a UUIDv7 in its canonical text form.
type RunID string

// RequestID is the caller's idempotency key of one logical call.
type RequestID string

// UpdateID names one update of a chain; chosen by the caller, at most MaxRequestIDBytes long.
type UpdateID string

// WorkflowType, ActivityType, TaskQueue, SignalName, QueryName and UpdateName are names chosen in user code.
type (
	WorkflowType string
	ActivityType string
	TaskQueue    string
	SignalName   string
	QueryName    string
	UpdateName   string
)

// DefaultTaskQueue is used where no task queue is named.
const DefaultTaskQueue TaskQueue = "default"

// Ordinal numbers a run's commands from 1, in the order in which the code issued them. It is the
// ActivityID, TimerID or ChildID of what the command made, and the same on every replay.
type Ordinal uint32

// Seq numbers a run's events from 1 without gaps.
type Seq uint32

// Attempt numbers the attempts of an activity from 1.
type Attempt uint32

// PackageHash names a workflow package by the SHA-256 of everything that changes its behaviour: 64 hex digits.
// Natively registered code has the hash NativePackage.
type PackageHash string

// NativePackage is the "hash" of workflow code that is compiled into the host process.
const NativePackage PackageHash = "native"

// ChainKey names a chain: all runs that share a WorkflowID. It is the unit of ownership and of commit.
type ChainKey struct {
	Namespace  Namespace
	WorkflowID WorkflowID
}

// ValidateNamespace checks that ns is a DNS label.
func ValidateNamespace(ns Namespace) error {
	ok := len(ns) >= 1 && len(ns) <= 63 && ns[0] != '-' && ns[len(ns)-1] != '-'
	for i := 0; ok && i < len(ns); i++ {
		c := ns[i]
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-'
	}
	if !ok {
		return fault.Invalidf("namespace %q is not valid: use 1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'", clip(string(ns)))
	}
	return nil
}

// ValidateID checks an identifier or name chosen by a caller: 1 to MaxIDBytes bytes of Unicode without control characters.
// what names it in the error, e.g. "workflow ID".
func ValidateID(what, id string) error {
	if id == "" {
		return fault.Invalidf("%s is empty", what)
	}
	return validateText(what, id, MaxIDBytes)
}

// ValidateRequestID checks an optional RequestID.
func ValidateRequestID(id RequestID) error {
	return validateText("request ID", string(id), MaxRequestIDBytes)
}

// ValidateUpdateID checks an optional UpdateID.
func ValidateUpdateID(id UpdateID) error {
	return validateText("update ID", string(id), MaxRequestIDBytes)
}

func validateText(what, s string, limit int) error {
	if len(s) > limit {
		return fault.Invalidf("%s is %d bytes long; at most %d are allowed", what, len(s), limit)
	}
	if !utf8.ValidString(s) {
		return fault.Invalidf("%s is not valid UTF-8", what)
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return fault.Invalidf("%s %q holds the control character %U; remove it", what, clip(s), r)
		}
	}
	return nil
}

// ValidatePackageHash checks that h is 64 lower-case hex digits or NativePackage.
func ValidatePackageHash(h PackageHash) error {
	if h == NativePackage {
		return nil
	}
	if b, err := hex.DecodeString(string(h)); err != nil || len(b) != 32 {
		return fault.Invalidf("package hash %q is not valid: it has 64 hex digits", clip(string(h)))
	}
	return nil
}

func clip(s string) string {
	if len(s) <= 80 {
		return s
	}
	return s[:80] + "…"
}
