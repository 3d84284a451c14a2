package history

// Kind is an event's kind: the field number of its attributes in aion.v1.HistoryEvent. Numbers are never reused.
type Kind uint8

// The kinds that this version writes.
const (
	KindStarted                 Kind = 10
	KindCompleted               Kind = 11
	KindFailed                  Kind = 12
	KindCanceled                Kind = 13
	KindTerminated              Kind = 14
	KindTimedOut                Kind = 15
	KindContinuedAsNew          Kind = 16
	KindCancelRequested         Kind = 17
	KindPaused                  Kind = 18
	KindResumed                 Kind = 19
	KindActivated               Kind = 20
	KindBlocked                 Kind = 21
	KindUnblocked               Kind = 22
	KindForked                  Kind = 23
	KindRepinned                Kind = 24
	KindSearchAttributes        Kind = 25
	KindActivityScheduled       Kind = 30
	KindActivityAttemptStarted  Kind = 31
	KindActivityAttemptFailed   Kind = 32
	KindActivityCompleted       Kind = 33
	KindActivityFailed          Kind = 34
	KindActivityTimedOut        Kind = 35
	KindActivityCancelRequested Kind = 36
	KindActivityCanceled        Kind = 37
	KindActivityAttemptPending  Kind = 38
	KindTimerStarted            Kind = 40
	KindTimerFired              Kind = 41
	KindTimerCanceled           Kind = 42
	KindSignalReceived          Kind = 50
	KindUpdateAccepted          Kind = 60
	KindUpdateCompleted         Kind = 61
	KindSignalSendRequested     Kind = 51
	KindSignalSent              Kind = 52
	KindSignalSendFailed        Kind = 53
	KindCancelSendRequested     Kind = 54
	KindCancelSent              Kind = 55
	KindCancelSendFailed        Kind = 56
	KindChildStartRequested     Kind = 70
	KindChildStarted            Kind = 71
	KindChildStartFailed        Kind = 72
	KindChildCompleted          Kind = 73
	KindChildFailed             Kind = 74
	KindChildCanceled           Kind = 75
	KindChildTerminated         Kind = 76
	KindChildTimedOut           Kind = 77
	KindChildCancelRequested    Kind = 78
	KindPatchMarked             Kind = 80
)

type kindInfo struct {
	name      string
	delivered bool // the code is given it (rule C-4); frozen: replay depends on it
	command   bool // the code may ask for it
	closing   bool
	make      func() Attributes
}

// kinds is the frozen table of rule C-4.
var kinds = [96]kindInfo{
	KindStarted:                 {name: "Started", delivered: true, make: func() Attributes { return new(Started) }},
	KindCompleted:               {name: "Completed", command: true, closing: true, make: func() Attributes { return new(Completed) }},
	KindFailed:                  {name: "Failed", command: true, closing: true, make: func() Attributes { return new(Failed) }},
	KindCanceled:                {name: "Canceled", command: true, closing: true, make: func() Attributes { return new(Canceled) }},
	KindTerminated:              {name: "Terminated", closing: true, make: func() Attributes { return new(Terminated) }},
	KindTimedOut:                {name: "TimedOut", closing: true, make: func() Attributes { return new(TimedOut) }},
	KindContinuedAsNew:          {name: "ContinuedAsNew", command: true, closing: true, make: func() Attributes { return new(ContinuedAsNew) }},
	KindCancelRequested:         {name: "CancelRequested", delivered: true, make: func() Attributes { return new(CancelRequested) }},
	KindPaused:                  {name: "Paused", make: func() Attributes { return new(Paused) }},
	KindResumed:                 {name: "Resumed", make: func() Attributes { return new(Resumed) }},
	KindActivated:               {name: "Activated", make: func() Attributes { return new(Activated) }},
	KindBlocked:                 {name: "Blocked", make: func() Attributes { return new(Blocked) }},
	KindUnblocked:               {name: "Unblocked", make: func() Attributes { return new(Unblocked) }},
	KindForked:                  {name: "Forked", delivered: true, make: func() Attributes { return new(Forked) }},
	KindRepinned:                {name: "Repinned", make: func() Attributes { return new(Repinned) }},
	KindSearchAttributes:        {name: "SearchAttributesUpserted", command: true, make: func() Attributes { return new(SearchAttributesUpserted) }},
	KindActivityScheduled:       {name: "ActivityScheduled", command: true, make: func() Attributes { return new(ActivityScheduled) }},
	KindActivityAttemptStarted:  {name: "ActivityAttemptStarted", make: func() Attributes { return new(ActivityAttemptStarted) }},
	KindActivityAttemptFailed:   {name: "ActivityAttemptFailed", make: func() Attributes { return new(ActivityAttemptFailed) }},
	KindActivityCompleted:       {name: "ActivityCompleted", delivered: true, make: func() Attributes { return new(ActivityCompleted) }},
	KindActivityFailed:          {name: "ActivityFailed", delivered: true, make: func() Attributes { return new(ActivityFailed) }},
	KindActivityTimedOut:        {name: "ActivityTimedOut", delivered: true, make: func() Attributes { return new(ActivityTimedOut) }},
	KindActivityCancelRequested: {name: "ActivityCancelRequested", command: true, make: func() Attributes { return new(ActivityCancelRequested) }},
	KindActivityCanceled:        {name: "ActivityCanceled", delivered: true, make: func() Attributes { return new(ActivityCanceled) }},
	KindActivityAttemptPending:  {name: "ActivityAttemptPending", make: func() Attributes { return new(ActivityAttemptPending) }},
	KindTimerStarted:            {name: "TimerStarted", command: true, make: func() Attributes { return new(TimerStarted) }},
	KindTimerFired:              {name: "TimerFired", delivered: true, make: func() Attributes { return new(TimerFired) }},
	KindTimerCanceled:           {name: "TimerCanceled", delivered: true, command: true, make: func() Attributes { return new(TimerCanceled) }},
	KindPatchMarked:             {name: "PatchMarked", make: func() Attributes { return new(PatchMarked) }},
	KindSignalReceived:          {name: "SignalReceived", delivered: true, make: func() Attributes { return new(SignalReceived) }},
	KindUpdateAccepted:          {name: "UpdateAccepted", delivered: true, make: func() Attributes { return new(UpdateAccepted) }},
	KindUpdateCompleted:         {name: "UpdateCompleted", command: true, make: func() Attributes { return new(UpdateCompleted) }},
	KindSignalSendRequested:     {name: "SignalSendRequested", command: true, make: func() Attributes { return new(SignalSendRequested) }},
	KindSignalSent:              {name: "SignalSent", delivered: true, make: func() Attributes { return new(SignalSent) }},
	KindSignalSendFailed:        {name: "SignalSendFailed", delivered: true, make: func() Attributes { return new(SignalSendFailed) }},
	KindCancelSendRequested:     {name: "CancelSendRequested", command: true, make: func() Attributes { return new(CancelSendRequested) }},
	KindCancelSent:              {name: "CancelSent", delivered: true, make: func() Attributes { return new(CancelSent) }},
	KindCancelSendFailed:        {name: "CancelSendFailed", delivered: true, make: func() Attributes { return new(CancelSendFailed) }},
	KindChildStartRequested:     {name: "ChildStartRequested", command: true, make: func() Attributes { return new(ChildStartRequested) }},
	KindChildStarted:            {name: "ChildStarted", delivered: true, make: func() Attributes { return new(ChildStarted) }},
	KindChildStartFailed:        {name: "ChildStartFailed", delivered: true, make: func() Attributes { return new(ChildStartFailed) }},
	KindChildCompleted:          {name: "ChildCompleted", delivered: true, make: func() Attributes { return new(ChildCompleted) }},
	KindChildFailed:             {name: "ChildFailed", delivered: true, make: func() Attributes { return new(ChildFailed) }},
	KindChildCanceled:           {name: "ChildCanceled", delivered: true, make: func() Attributes { return new(ChildCanceled) }},
	KindChildTerminated:         {name: "ChildTerminated", delivered: true, make: func() Attributes { return new(ChildTerminated) }},
	KindChildTimedOut:           {name: "ChildTimedOut", delivered: true, make: func() Attributes { return new(ChildTimedOut) }},
	KindChildCancelRequested:    {name: "ChildCancelRequested", command: true, make: func() Attributes { return new(ChildCancelRequested) }},
}

func (k Kind) info() kindInfo {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return kindInfo{}
}

// Known says whether this version understands the kind.
func (k Kind) Known() bool { return k.info().make != nil }

// Delivered says whether the workflow code is given events of this kind (rule C-4).
func (k Kind) Delivered() bool { return k.info().delivered }

// Closing says whether an event of this kind ends the run.
func (k Kind) Closing() bool { return k.info().closing }

// String is the kind's name, e.g. "ActivityScheduled".
func (k Kind) String() string {
	if n := k.info().name; n != "" {
		return n
	}
	return "Unknown"
}
