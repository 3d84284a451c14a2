package bench

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestUsage(t *testing.T) {
	before, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "linux" {
		t.Skipf("nothing is known of processes on %s", runtime.GOOS)
	}
	if before.rss < 1<<20 {
		t.Errorf("this process has %d bytes in memory", before.rss)
	}
	end := time.Now().Add(10 * time.Second)
	for after := before; after.cpu <= before.cpu; {
		if time.Now().After(end) {
			t.Fatalf("no CPU time passes: %+v", after)
		}
		if after, err = usageOf(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := usageOf(-1); err == nil {
		t.Error("a process that is not there has used something")
	}
}
