package history_test

import (
	"fmt"
	"math"
	"reflect"
	"time"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
)

// every kind that this version writes.
var kinds = []history.Attributes{
	&history.Started{}, &history.Completed{}, &history.Failed{}, &history.Canceled{}, &history.Terminated{}, &history.TimedOut{}, &history.CancelRequested{},
	&history.ContinuedAsNew{}, &history.Paused{}, &history.Resumed{},
	&history.Activated{}, &history.Blocked{}, &history.Unblocked{}, &history.Repinned{}, &history.Forked{}, &history.SearchAttributesUpserted{},
	&history.ActivityScheduled{}, &history.ActivityAttemptStarted{}, &history.ActivityAttemptFailed{}, &history.ActivityCompleted{}, &history.ActivityFailed{},
	&history.ActivityTimedOut{}, &history.ActivityCancelRequested{}, &history.ActivityCanceled{}, &history.ActivityAttemptPending{},
	&history.TimerStarted{}, &history.TimerFired{}, &history.TimerCanceled{}, &history.SignalReceived{}, &history.PatchMarked{},
	&history.UpdateAccepted{}, &history.UpdateCompleted{},
	&history.SignalSendRequested{}, &history.SignalSent{}, &history.SignalSendFailed{}, &history.CancelSendRequested{}, &history.CancelSent{}, &history.CancelSendFailed{}, &history.ChildStartRequested{}, &history.ChildStarted{}, &history.ChildStartFailed{}, &history.ChildCompleted{}, &history.ChildFailed{}, &history.ChildCanceled{}, &history.ChildTerminated{}, &history.ChildTimedOut{}, &history.ChildCancelRequested{},
}

var text = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"2024-01-02", "a\x00b", "'; --", "é😀", "application/json"}))

var kindGen = rapid.SampledFrom(kinds)

// attributes draws attributes of one kind with any content.
func attributes(t *rapid.T, like history.Attributes) history.Attributes {
	v := reflect.New(reflect.TypeOf(like).Elem())
	fill(t, v.Elem(), "", 0)
	return v.Interface().(history.Attributes)
}

// fill draws a value. Slices and maps are nil or not empty: the encoding does not tell the two apart.
func fill(t *rapid.T, v reflect.Value, name string, deep int) {
	switch p := v.Addr().Interface().(type) {
	case *time.Duration:
		*p = time.Duration(rapid.OneOf(rapid.Int64Range(-math.MaxInt64, math.MaxInt64), rapid.SampledFrom([]int64{math.MaxInt64, -math.MaxInt64, 1, -1})).Draw(t, name))
		return
	case *model.TimeoutKind:
		*p = model.TimeoutKind(rapid.IntRange(0, int(model.TimeoutExecution)).Draw(t, name))
		return
	case *model.ParentClosePolicy:
		*p = model.ParentClosePolicy(rapid.IntRange(0, int(model.ParentCloseAbandon)).Draw(t, name))
		return
	case *model.CancellationType:
		*p = model.CancellationType(rapid.IntRange(0, int(model.CancelAbandon)).Draw(t, name))
		return
	case **model.Failure:
		if deep < 4 && rapid.Bool().Draw(t, name) {
			*p = &model.Failure{}
			fill(t, v.Elem(), name, deep+1)
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text.Draw(t, name))
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(rapid.Uint32().Draw(t, name)) >> (32 - min(v.Type().Bits(), 32)))
	case reflect.Int32:
		v.SetInt(int64(rapid.Int32().Draw(t, name)))
	case reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, name))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, name))
	case reflect.Float64:
		v.SetFloat(rapid.Float64().Draw(t, name))
	case reflect.Slice:
		n := rapid.IntRange(0, 3).Draw(t, name)
		for range n {
			x := reflect.New(v.Type().Elem()).Elem()
			fill(t, x, name, deep)
			v.Set(reflect.Append(v, x))
		}
	case reflect.Map:
		for range rapid.IntRange(0, 3).Draw(t, name) {
			if v.IsNil() {
				v.Set(reflect.MakeMap(v.Type()))
			}
			x := reflect.New(v.Type().Elem()).Elem()
			fill(t, x, name, deep)
			v.SetMapIndex(reflect.ValueOf(text.Draw(t, name)), x)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Field(i).Name, deep)
		}
	default:
		panic(fmt.Sprintf("no way to draw a %v", v.Type()))
	}
}

// event draws a whole event.
func event(t *rapid.T) history.Event {
	return history.Event{
		Seq:  model.Seq(rapid.Uint32Range(1, 1<<31).Draw(t, "seq")),
		Time: rapid.Int64Range(0, math.MaxInt64).Draw(t, "time"),
		Attr: attributes(t, kindGen.Draw(t, "kind")),
	}
}
