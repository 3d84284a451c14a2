package config

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What is printed can be read again, and means the same.
func TestPrintedValuesReadBack(t *testing.T) {
	t.Run("sizes", rapid.MakeCheck(func(t *rapid.T) {
		n := rapid.Int64Range(0, 1<<50).Draw(t, "n")
		if rapid.Bool().Draw(t, "round") {
			n = n >> 20 << 20
		}
		if got, err := parseSize(formatSize(n)); err != nil || got != n {
			t.Fatalf("%d prints as %s, which reads as %d, %v", n, formatSize(n), got, err)
		}
	}))
	t.Run("durations", rapid.MakeCheck(func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, 1<<55).Draw(t, "d"))
		if rapid.Bool().Draw(t, "round") {
			d = d.Truncate(time.Minute)
		}
		if got, err := time.ParseDuration(formatDuration(d)); err != nil || got != d {
			t.Fatalf("%s prints as %s, which reads as %s, %v", d, formatDuration(d), got, err)
		}
	}))
}

func TestFormats(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 1: "1B", 1000: "1000B", 1024: "1KiB", 1536: "1536B", 8 << 20: "8MiB", 1 << 30: "1GiB", 5 << 40: "5TiB"} {
		if got := formatSize(n); got != want {
			t.Errorf("formatSize(%d) = %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0s", time.Second: "1s", 30 * time.Minute: "30m", 720 * time.Hour: "720h", 90 * time.Minute: "1h30m", 10*time.Minute + 10*time.Second: "10m10s", time.Millisecond: "1ms"} {
		if got := formatDuration(d); got != want {
			t.Errorf("formatDuration(%d) = %s, want %s", d, got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	for in, want := range map[any]int64{"1GiB": 1 << 30, "64MiB": 64 << 20, " 2 KiB ": 2048, "1.5GiB": 3 << 29, "1MB": 1_000_000, "3kB": 3000, "12B": 12, "4096": 4096, 4096: 4096, int64(7): 7} {
		if got, err := parseSize(in); err != nil || got != want {
			t.Errorf("parseSize(%v) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []any{"", "MiB", "1 M", "1mib", "one", "0.3B", "1e30TiB", "NaNKiB", "infB", true, nil, []any{1}} {
		if got, err := parseSize(in); err == nil {
			t.Errorf("parseSize(%v) = %d, want an error", in, got)
		}
	}
}

// No credential in a store's URL is ever shown.
func TestMaskURL(t *testing.T) {
	for in, want := range map[string]string{
		"file:aion.db":                   "file:aion.db",
		"/var/lib/aion/aion.db":          "/var/lib/aion/aion.db",
		"postgres://aion@db/aion":        "postgres://aion@db/aion",
		"postgres://aion:s3cret@db/aion": "postgres://aion:******@db/aion",
		"postgres://aion:s3cret@db/aion?sslmode=disable&password=s3cret": "postgres://aion:******@db/aion?password=******&sslmode=******",
		"libsql://db.example.com?authToken=s3cret":                       "libsql://db.example.com?authToken=******",
		"host=db user=aion password=s3cret":                              "******",
		"postgres://aion:s3cr%zzet@db/aion":                              "******",
		"aion:s3cret@db":                                                 "******",
	} {
		if got := maskURL(in); got != want {
			t.Errorf("maskURL(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	for unknown, want := range map[string]string{
		"server.addres": "server.address", "Server.Address": "server.address", "admin_address": "server.admin_address", "cert_file": "server.tls.cert_file",
		"engine.querytimeout": "engine.query_timeout", "limits.payload_size": "limits.payload_bytes", "log": "log.level",
	} {
		if got := nearest(unknown, names()); got != want {
			t.Errorf("nearest to %s is %s, want %s", unknown, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:1": true, "127.8.0.1:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true, "localhost:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "localhost.example.com:1": false} {
		if got := isLoopback(address); got != want {
			t.Errorf("isLoopback(%s) = %t", address, got)
		}
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{{"127.0.0.1:1", "127.0.0.1:1", true}, {"127.0.0.1:1", "127.0.0.1:2", false}, {"127.0.0.1:0", "127.0.0.1:0", false}, {":1", "127.0.0.1:1", true}, {"127.0.0.1:1", "0.0.0.0:1", true}, {"127.0.0.1:1", "127.0.0.2:1", false}} {
		if got := collide(c.a, c.b); got != c.want {
			t.Errorf("collide(%s, %s) = %t", c.a, c.b, got)
		}
	}
}

// Every section has its sentence in the reference, and no sentence is left over.
func TestSectionTexts(t *testing.T) {
	sections := map[string]bool{}
	for _, k := range keys {
		sections[k.Section()] = true
		if sectionTexts[k.Section()] == "" {
			t.Errorf("the section %s has no text", k.Section())
		}
	}
	if len(sections) != len(sectionTexts) {
		t.Errorf("%d sections, %d texts", len(sections), len(sectionTexts))
	}
}
