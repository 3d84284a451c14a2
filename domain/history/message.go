package history

import (
	"fmt"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// Letter is what one chain puts into the inbox of another one of its namespace (rule M-1). Its encoding lives in the store only, until the
// letter is consumed; numbers are never used again.
type Letter struct {
	// Link names what the letter is about on the side of the one who asks, whichever side sends it: a request carries its sender's link, an
	// answer carries the link of the request that it answers.
	Link    Link
	Message Message
}

// Link names a thing that a chain waits for: for a workflow its ID, its run and the ordinal of the command. Other kinds of chain put an ID of
// their own into Run. (Run, Ordinal) must be unique in the namespace for ever, since letters are told apart by it.
type Link struct {
	WorkflowID model.WorkflowID
	Run        model.RunID
	Ordinal    model.Ordinal
}

// IsZero says that the link names nothing.
func (l Link) IsZero() bool { return l == Link{} }

// Key tells letters to one chain apart: a second letter with the same key is the same letter.
func (l *Letter) Key() string {
	key := fmt.Sprintf("%s/%d/%d", l.Link.Run, l.Link.Ordinal, l.Message.number())
	if m, ok := l.Message.(*EndRun); ok && m.Terminate {
		key += "/terminate" // a cancel request that was not consumed yet does not stand in its way
	}
	return key
}

// Message is what a letter says: one of the types of this file. To add one, give it a number in newMessage and a case where the engine opens letters.
type Message interface {
	number() int
	walk(*coder)
}

// StartRun asks for a run of the target. With Watch the answers are RunStarted or RunNotStarted, and RunClosed when the chain of runs has ended.
type StartRun struct {
	Type       model.WorkflowType
	Input      model.Payload
	TaskQueue  model.TaskQueue
	RequestID  model.RequestID
	RunTimeout time.Duration
	Reuse      uint8 // ports.ReusePolicy
	Conflict   uint8 // ports.ConflictPolicy; use-existing and Watch do not go together: nobody hears of the end of a run that others started
	Identity   string
	Header     map[string]string
	Watch      bool
}

// SignalRun is a signal to the target's open run. Mine demands that the run was started by the sender's link (a child of it). With Answer
// the sender hears Delivered or NotDelivered.
type SignalRun struct {
	Name     model.SignalName
	Input    model.Payload
	Identity string
	Header   map[string]string
	Run      model.RunID // "" = whichever is open
	Mine     Link        // not zero: only a run that was started through this link
	Answer   bool
}

// EndRun asks the target's open run to cancel, or terminates it. Run, Mine and Answer as in SignalRun.
type EndRun struct {
	Terminate bool
	Reason    string
	Identity  string
	Run       model.RunID
	Mine      Link
	Answer    bool
}

// RunStarted answers StartRun: the run is there.
type RunStarted struct {
	Run     model.RunID
	Package model.PackageHash
}

// RunNotStarted answers StartRun: there is no run, and will be none. Reason is the fault's reason.
type RunNotStarted struct {
	Reason  string
	Message string
}

// RunClosed tells the one who started a chain of runs that it has ended. Closing is the closing event of its last run.
type RunClosed struct {
	Run     model.RunID
	Closing Attributes
}

// Delivered answers SignalRun and EndRun: it is recorded by the run.
type Delivered struct{ Run model.RunID }

// NotDelivered answers SignalRun and EndRun: nothing was recorded. Reason is the fault's reason.
type NotDelivered struct {
	Reason  string
	Message string
}

// CloseChildren is a letter of a closed run to its own chain: apply the parent-close policies of the children behind After (rule M-3).
type CloseChildren struct{ After model.Ordinal }

func (*StartRun) number() int      { return 10 }
func (*SignalRun) number() int     { return 11 }
func (*EndRun) number() int        { return 12 }
func (*CloseChildren) number() int { return 13 }
func (*RunStarted) number() int    { return 20 }
func (*RunNotStarted) number() int { return 21 }
func (*RunClosed) number() int     { return 22 }
func (*Delivered) number() int     { return 23 }
func (*NotDelivered) number() int  { return 24 }

func newMessage(number int) Message {
	switch number {
	case 10:
		return new(StartRun)
	case 11:
		return new(SignalRun)
	case 12:
		return new(EndRun)
	case 13:
		return new(CloseChildren)
	case 20:
		return new(RunStarted)
	case 21:
		return new(RunNotStarted)
	case 22:
		return new(RunClosed)
	case 23:
		return new(Delivered)
	case 24:
		return new(NotDelivered)
	}
	return nil
}

// Encode gives the letter's bytes.
func (l *Letter) Encode() []byte {
	c := coder{enc: true, b: make([]byte, 0, 256)}
	walkLink(&c, 1, &l.Link)
	at := c.open(l.Message.number())
	l.Message.walk(&c)
	c.close(at)
	return c.b
}

// DecodeLetter is the inverse of Encode. A message that this version does not know is an error that names it.
func DecodeLetter(b []byte) (Letter, error) {
	var l Letter
	c := coder{b: b}
	for c.next() {
		if c.num == 1 {
			walkLink(&c, 1, &l.Link)
			continue
		}
		m := newMessage(c.num)
		if m == nil || c.wire != wireBytes || l.Message != nil {
			return Letter{}, fault.Internalf("a letter has the unknown message %d: it was written by a newer version of aion; use that version or a later one", c.num)
		}
		l.Message = m
		c.sub(m.walk)
	}
	if c.err == nil && l.Message == nil {
		c.fail("a letter says nothing")
	}
	return l, c.err
}

func walkLink(c *coder, n int, l *Link) {
	c.message(n, func(c *coder) {
		str(c, 1, &l.WorkflowID)
		str(c, 2, &l.Run)
		num(c, 3, &l.Ordinal)
	})
}

func (m *StartRun) walk(c *coder) {
	str(c, 1, &m.Type)
	c.payload(2, &m.Input)
	str(c, 3, &m.TaskQueue)
	str(c, 4, &m.RequestID)
	duration(c, 5, &m.RunTimeout)
	num(c, 6, &m.Reuse)
	num(c, 7, &m.Conflict)
	str(c, 8, &m.Identity)
	c.entries(9, &m.Header)
	c.bool(10, &m.Watch)
}

func (m *SignalRun) walk(c *coder) {
	str(c, 1, &m.Name)
	c.payload(2, &m.Input)
	str(c, 3, &m.Identity)
	c.entries(4, &m.Header)
	str(c, 5, &m.Run)
	walkLink(c, 6, &m.Mine)
	c.bool(7, &m.Answer)
}

func (m *EndRun) walk(c *coder) {
	c.bool(1, &m.Terminate)
	str(c, 2, &m.Reason)
	str(c, 3, &m.Identity)
	str(c, 4, &m.Run)
	walkLink(c, 5, &m.Mine)
	c.bool(6, &m.Answer)
}

func (m *RunStarted) walk(c *coder) {
	str(c, 1, &m.Run)
	str(c, 2, &m.Package)
}

func (m *RunNotStarted) walk(c *coder) {
	str(c, 1, &m.Reason)
	str(c, 2, &m.Message)
}

func (m *RunClosed) walk(c *coder) {
	str(c, 1, &m.Run)
	if c.enc {
		at := c.open(2)
		in := c.open(int(m.Closing.Kind()))
		m.Closing.walk(c)
		c.close(in)
		c.close(at)
		return
	}
	if c.match(2, wireBytes) {
		e, err := DecodeEvent(c.data)
		if err == nil && !e.Kind().Closing() {
			err = fault.Internalf("history encoding: a run is closed by %v", e.Kind())
		}
		if err != nil {
			c.fail("%v", err)
			return
		}
		m.Closing = e.Attr
	}
}

func (m *Delivered) walk(c *coder) { str(c, 1, &m.Run) }

func (m *NotDelivered) walk(c *coder) {
	str(c, 1, &m.Reason)
	str(c, 2, &m.Message)
}

func (m *CloseChildren) walk(c *coder) { num(c, 1, &m.After) }
