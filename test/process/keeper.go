package process

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// A program that ends so soon after its start, so often in a row, is given up.
const (
	quick    = 500 * time.Millisecond
	maxQuick = 10
)

// Keeper keeps a program running: when it ends by itself, it is started again. Safe for concurrent use.
type Keeper struct {
	cmd   Command
	mu    sync.Mutex
	now   *Process
	err   error
	done  chan struct{} // closed when it is no longer kept
	idle  sync.WaitGroup
	quick int // how often in a row it ended right after its start
	// died hears that the program ended without having been killed.
	died func(p *Process)
}

// Keep starts a program and keeps it running until Stop. died, if any, hears each end that nobody here caused.
func Keep(c Command, died func(p *Process)) (*Keeper, error) {
	k := &Keeper{cmd: c, done: make(chan struct{}), died: died}
	p, err := Start(c)
	if err != nil {
		return nil, err
	}
	k.now = p
	k.idle.Go(k.watch)
	return k, nil
}

// Process is the one that runs now.
func (k *Keeper) Process() *Process {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

// Err says why the program could not be started again.
func (k *Keeper) Err() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

func (k *Keeper) watch() {
	for {
		p := k.Process()
		select {
		case <-p.Exited():
		case <-k.done:
			return
		}
		k.mu.Lock()
		select {
		case <-k.done:
			k.mu.Unlock()
			return
		default:
		}
		ours := k.now != p // it was killed here, and another one runs already
		if !ours {
			if k.died != nil {
				k.died(p)
			}
			if k.quick = k.quick + 1; p.Age() > quick {
				k.quick = 0
			}
			if k.quick < maxQuick {
				k.now, k.err = Start(k.cmd)
			} else {
				k.err = fmt.Errorf("%s ended %d times within %v of its start; see %s\n%s", k.cmd.Name, k.quick, quick, k.cmd.Log, Tail(k.cmd.Log))
			}
			if k.err != nil {
				k.now = p
				k.mu.Unlock()
				return
			}
		}
		k.mu.Unlock()
	}
}

// Kill kills the program and starts it again. It gives whom it killed and when; ok says that the program was alive then.
func (k *Keeper) Kill() (p *Process, at time.Time, ok bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p = k.now
	at, ok = p.Kill()
	k.now, err = Start(k.cmd)
	if err != nil {
		k.now, k.err = p, err
	}
	return p, at, ok, err
}

// Stop ends the program for good.
func (k *Keeper) Stop(patience time.Duration) error {
	k.mu.Lock()
	close(k.done)
	p, err := k.now, k.err
	k.mu.Unlock()
	k.idle.Wait()
	return errors.Join(err, p.Stop(patience))
}
