//go:build wasip1

package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// The workflows of ports/runtimetest, and those that misbehave. A closed one holds its result in JSON.
var workflows map[string]func(r *run) []byte

var names []string

func init() {
	workflows = map[string]func(r *run) []byte{
		"echo":  func(r *run) []byte { return r.in },
		"steps": steps,
		"nap": func(r *run) []byte {
			r.await(r.timer(5))
			return []byte(strconv.FormatInt(time.Now().UnixNano(), 10))
		},
		"inbox":  inbox,
		"patchy": patchy,
		"desk": func(r *run) []byte {
			r.signal()
			return []byte(strconv.Itoa(r.level))
		},
		"dice": func(r *run) []byte {
			b := make([]byte, 16)
			_, _ = rand.Read(b)
			return quote(hex.EncodeToString(b))
		},
		"chatty": func(r *run) []byte {
			r.log(4, "hello", "who", "world")
			return []byte("null")
		},
		"shuffle":      shuffle,
		"panic":        func(*run) []byte { panic("the sky is falling") },
		"panic-caught": func(*run) []byte { panic("the sky is falling") },
		"nil":          func(r *run) []byte { var p *run; return p.in },
		"spin": func(*run) []byte {
			for {
			}
		},
		"hog":   hog,
		"churn": churn,
		"work":  work,
		"dive":  func(r *run) []byte { return quote(strconv.Itoa(dive(1))) },
		"stuck": func(*run) []byte { <-make(chan int); return nil },
		"sleep": func(*run) []byte { time.Sleep(time.Hour); return nil },
		"quit":  func(*run) []byte { os.Exit(3); return nil },
		"print": func(*run) []byte { fmt.Fprintln(os.Stderr, "some text"); panic("after text") },
		"span": func(r *run) []byte { // the input says where the answer is said to be
			at, _ := strconv.ParseUint(string(r.in), 0, 64)
			r.answer = func([]byte) uint64 { return at }
			return nil
		},
		"patch": func(r *run) []byte { // the input says where the name of a patch is said to be
			var at, n uint32
			_, _ = fmt.Sscan(string(r.in), &at, &n)
			patched(unsafe.Pointer(uintptr(at)), n)
			return []byte("null")
		},
		"bytes": func(r *run) []byte { // the input, from JSON, is the answer
			var raw []byte
			_ = json.Unmarshal(r.in, &raw)
			r.answer = func([]byte) uint64 { return span(raw) }
			return nil
		},
	}
	names = slices.Sorted(maps.Keys(workflows))
}

func quote(s string) []byte { b, _ := json.Marshal(s); return b }

func join(s []string) string { b, _ := json.Marshal(strings.Join(s, ",")); return string(b) }

// steps runs as many activities as its input says, one after the other, and ends with the last one's result.
func steps(r *run) []byte {
	var n int
	_ = json.Unmarshal(r.in, &n)
	last := []byte("null")
	for i := range n {
		in, _ := json.Marshal(i)
		last = r.await(r.activity(in))
	}
	return last
}

// inbox collects what the signal "add" brings until "done" comes.
func inbox(r *run) []byte {
	for {
		s := r.signal()
		if s.name == "done" {
			return []byte(join(r.seen))
		}
		var text string
		_ = json.Unmarshal(s.data, &text)
		r.seen = append(r.seen, text)
	}
}

// patchy asks for a patch by each name that the signal "add" brings, once for each.
func patchy(r *run) []byte {
	told := map[string]bool{}
	for {
		var name string
		_ = json.Unmarshal(r.signal().data, &name)
		if _, known := told[name]; !known {
			told[name] = patched(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name))) != 0
		}
		if !told[name] {
			r.timer(5)
			continue
		}
		r.seen = append(r.seen, name)
		r.activity(quote(name))
	}
}

// shuffle does what would differ from one process to the next outside of the sandbox: it asks for activities in the order of a map.
func shuffle(r *run) []byte {
	m := map[string]int{}
	for i := range 20 {
		m[fmt.Sprint("key", i)] = i
	}
	var ids []uint32
	for k := range m {
		ids = append(ids, r.activity(quote(k)))
	}
	garbage := 0
	for _, id := range ids {
		garbage += len(strings.Repeat("x", 1000)) + len(r.await(id))
	}
	for k := range m {
		return quote(k + strconv.Itoa(garbage) + time.Now().String())
	}
	return nil
}

var kept [][]byte

// hog keeps whatever it allocates.
func hog(*run) []byte {
	for {
		b := make([]byte, 1<<20)
		b[0] = 1
		kept = append(kept, b)
	}
}

// churn allocates as many MiB as its input says and keeps nothing.
func churn(r *run) []byte {
	n, _ := strconv.Atoi(string(r.in))
	for range n {
		kept = [][]byte{make([]byte, 1<<20)}
	}
	kept = nil
	return []byte("null")
}

type order struct {
	ID    string            `json:"id"`
	Items []string          `json:"items"`
	Notes map[string]string `json:"notes"`
	Total float64           `json:"total"`
}

// work computes: it encodes, decodes, sorts and prints as often as its input says.
func work(r *run) []byte {
	n, _ := strconv.Atoi(string(r.in))
	o := order{ID: "order-1", Items: []string{"pear", "apple", "fig", "plum"}, Notes: map[string]string{"a": "b", "c": "d"}, Total: 12.5}
	sum := 0
	for i := range n {
		o.Total += float64(i) / 3
		b, _ := json.Marshal(o)
		o = order{}
		_ = json.Unmarshal(b, &o)
		slices.Sort(o.Items)
		sum += len(fmt.Sprintf("%+v", o))
	}
	return []byte(strconv.Itoa(sum))
}

func dive(n int) int { return dive(n+1) + n }
