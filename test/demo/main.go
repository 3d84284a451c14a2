// Command demo shows that nothing is lost and nothing is repeated: it runs the order saga on a real server and a real worker, kills
// both with SIGKILL while orders are open, and has the books compared that were kept outside. "make demo" runs it from the
// repository's folder.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	d := demo{}
	flag.StringVar(&d.aion, "aion", "build/aion", "the aion binary")
	flag.StringVar(&d.bin, "bin", "build/demo-bin", "the folder for the programs that the demo builds")
	flag.StringVar(&d.dir, "dir", "build/demo", "the folder for the database and the evidence; it is emptied first")
	flag.StringVar(&d.out, "out", "build/demo.json", "the file for the numbers")
	flag.StringVar(&d.ordersFile, "orders", "examples/order-saga/orders.json", "the orders to place")
	flag.StringVar(&d.sabotage, "sabotage", "", "break something that has to be found out: drop_result, ack_before_commit or run_twice")
	limit := flag.Duration("limit", 150*time.Second, "how long everything may take")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	err := d.run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
	}
	d.farewell()
	if err != nil {
		os.Exit(1)
	}
}

// farewell says where everything is.
func (d *demo) farewell() {
	database := filepath.Join(d.dir, databaseName)
	if _, err := os.Stat(database); err != nil {
		return
	}
	fmt.Printf("the database stays; to look at one run: AION_STORE__URL=file:%s %s server & sleep 1; %s history %s\n", database, d.aion, d.aion, d.example)
}
