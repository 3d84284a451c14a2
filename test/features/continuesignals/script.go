//go:build !wasip1

package continuesignals

import (
	"context"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: three signals come while the first run sleeps, one when the fourth waits; and the server is killed between.
var Feature = feature.Feature{Script: func(f *feature.F) {
	r := aiontest.StartWith(f.Env, code, state{}, aiontest.StartOptions{ID: feature.ID})
	say := func(w string) {
		p, err := word.EncodeInput(w)
		f.OK(err)
		_, err = f.Env.Engine().Signal(context.Background(), ports.SignalRequest{Ref: ports.WorkflowRef{WorkflowID: feature.ID}, Name: model.SignalName(word.Name()), Input: model.Payload(p)})
		f.OK(err)
	}
	for _, w := range []string{"one", "two", "three"} {
		say(w)
	}
	f.Env.Advance(90 * time.Second)
	f.Env.Restart()
	f.Env.Advance(time.Hour)
	say("four")
	feature.Result(f, r, "run 4: one@3 two@3 three@2 four@3")
}}
