package engine

import (
	"context"
	"sync"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/timers"
	"github.com/aionrun/aion/ports"
)

// Chains tell each other things through inboxes in the store (rule M-1): a letter is written with the sender's step and consumed with a step of
// its target. Which letters there are, and what each does, is in letters.go.

const (
	inboxPage   = 256  // letters that a step consumes
	targetsPage = 1000 // chains that a read of the inboxes finds
)

// mail is what the engine knows about inboxes in the store: who may have letters that nobody was told of.
type mail struct {
	turns    chan struct{} // bounds chains that open letters because of a look or of many letters at once
	scanning sync.Mutex

	mu   sync.Mutex
	next int64 // when the inboxes are looked through; 0 = not planned
	at   timers.Entry[model.ChainKey]
}

// noInbox in wakes: the inboxes are to be looked through. No workflow ID holds a control character.
var noInbox = model.ChainKey{WorkflowID: "\x00inbox"}

// lookAtInboxes makes sure that a letter whose target may not have been told of it is found: after a commit whose outcome is not known, or where a
// chain left letters in its inbox.
func (e *Engine) lookAtInboxes() {
	m := &e.mail
	m.mu.Lock()
	defer m.mu.Unlock()
	if at := e.opt.Clock.Now().Add(retryPause); m.next == 0 && e.base.Err() == nil {
		m.next = at.UnixNano()
		e.wakes.Set(&m.at, at)
	}
}

// openInboxes tells all chains that have letters, some at a time. It reads targets only.
func (e *Engine) openInboxes(ctx context.Context) {
	m := &e.mail
	m.mu.Lock()
	m.next = 0
	m.mu.Unlock()
	m.scanning.Lock()
	defer m.scanning.Unlock()
	var after *model.ChainKey
	for {
		page, err := e.store.InboxTargets(ctx, 0, after, targetsPage)
		if err != nil {
			if ctx.Err() == nil {
				e.log.Error("reading inboxes failed; it will be tried again", "error", err)
				e.lookAtInboxes()
			}
			return
		}
		if !e.tell(ctx, page) || len(page) < targetsPage {
			return
		}
		after = &page[len(page)-1]
	}
}

// tell tells chains of letters, each in its turn; false when ctx has ended.
func (e *Engine) tell(ctx context.Context, keys []model.ChainKey) bool {
	for _, k := range keys {
		select {
		case e.mail.turns <- struct{}{}:
			e.submit(k, &inboxInput{e: e, key: k, turn: true})
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// told tells the targets of letters that a step has sent.
func (e *Engine) told(letters []ports.Message) {
	const few = 16
	keys := make([]model.ChainKey, 0, len(letters))
	for i := range letters {
		if i == 0 || letters[i].Target != letters[i-1].Target {
			keys = append(keys, letters[i].Target)
		}
	}
	if len(keys) > few {
		e.background(func() { e.tell(e.base, keys) })
		return
	}
	for _, k := range keys {
		e.submit(k, &inboxInput{e: e, key: k})
	}
}

// inboxInput lets a chain open its letters.
type inboxInput struct {
	e    *Engine
	key  model.ChainKey
	turn bool // it holds one of the turns of tell
}

// fail leaves the letters for later.
func (in *inboxInput) fail(error) {
	in.release()
	in.e.lookAtInboxes()
}

func (in *inboxInput) release() {
	if in.turn {
		in.turn = false
		<-in.e.mail.turns
	}
}

func (in *inboxInput) apply(s *step) {
	s.after = append(s.after, in.release)
	s.openLetters()
}

// openLetters consumes what is in the chain's inbox. What cannot enter the run yet stays there until the run's backlog is smaller (rule B-1).
func (s *step) openLetters() {
	c := s.c
	if s.opened || s.err != nil {
		return
	}
	s.opened = true
	letters, err := c.e.store.Inbox(c.e.base, c.key, inboxPage)
	if err != nil {
		s.err = err
		return
	}
	c.kept = false
	for i := range letters {
		if s.full() {
			s.openMore()
			return
		}
		switch s.open(&letters[i]) {
		case letterTaken:
			s.append_.Take = append(s.append_.Take, ports.MessageRef{DedupKey: letters[i].DedupKey})
		case letterKept:
			c.kept = true
		}
		if s.err != nil {
			return
		}
	}
	if len(letters) == inboxPage && len(s.append_.Take) > 0 {
		s.openMore()
	}
}

// openMore opens the letters behind these in a step of their own.
func (s *step) openMore() {
	c := s.c
	s.after = append(s.after, func() { c.e.submit(c.key, &inboxInput{e: c.e, key: c.key}) })
}
