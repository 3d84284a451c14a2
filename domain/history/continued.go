package history

import (
	"encoding/binary"
	"time"

	"github.com/aionrun/aion/domain/model"
)

// ContinuedAsNew closes a run that goes on as another run of the chain (rule M-4). NewRun is given by the engine, everything else is the code's.
type ContinuedAsNew struct {
	NewRun     model.RunID
	Type       model.WorkflowType
	Input      model.Payload
	TaskQueue  model.TaskQueue
	RunTimeout time.Duration
	// Carried are the seqs of the signals that the code was given and did not receive, in order: they begin the new run.
	Carried []model.Seq
}

// Kind is KindContinuedAsNew.
func (*ContinuedAsNew) Kind() Kind { return KindContinuedAsNew }

func (a *ContinuedAsNew) walk(c *coder) {
	str(c, 1, &a.NewRun)
	str(c, 2, &a.Type)
	c.payload(3, &a.Input)
	str(c, 4, &a.TaskQueue)
	duration(c, 5, &a.RunTimeout)
	seqs(c, 6, &a.Carried)
}

// seqs is a packed repeated uint32. Numbers that are not packed are read too, as protobuf demands.
func seqs(c *coder, n int, p *[]model.Seq) {
	if c.enc {
		if len(*p) > 0 {
			at := c.open(n)
			for _, v := range *p {
				c.b = binary.AppendUvarint(c.b, uint64(v))
			}
			c.close(at)
		}
		return
	}
	if c.num == n && c.wire == wireVarint {
		c.hit = true
		*p = append(*p, model.Seq(c.val))
		return
	}
	if c.match(n, wireBytes) {
		for b := c.data; len(b) > 0; {
			v, l := binary.Uvarint(b)
			if l <= 0 || v > 1<<32-1 {
				c.fail("damaged number in field %d", n)
				return
			}
			*p, b = append(*p, model.Seq(v)), b[l:]
		}
	}
}

// decideContinue checks that the code may go on as it says.
func decideContinue(s *State, c *ContinuedAsNew) error {
	if err := model.ValidateID("workflow type", string(c.Type)); err != nil {
		return refuse("%v", err)
	}
	if c.TaskQueue == "" {
		c.TaskQueue = s.Start.TaskQueue
	}
	if err := model.ValidateID("task queue", string(c.TaskQueue)); err != nil {
		return refuse("%v", err)
	}
	if c.RunTimeout < 0 {
		return refuse("the code continues as new with a negative run timeout")
	}
	if c.NewRun != "" {
		return refuse("the code names the run that it continues as")
	}
	last := model.Seq(1)
	for _, q := range c.Carried {
		if q <= last || q > s.Through {
			return refuse("the code carries over event %d, which is no signal that it was given", q)
		}
		last = q
	}
	return nil
}
