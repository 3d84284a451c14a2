package activity

import (
	"encoding/base64"
	"errors"
	"fmt"
)

// ErrPending is what the function of an activity returns when something else will end the attempt: a person, a callback, another system.
// The attempt gives its slot back and goes on without a worker, over restarts, until client.CompleteActivity or client.FailActivity ends it by
// its token (attempt.Info(ctx).TaskToken), or a time limit does. Whoever is given the token may use it before the function returns.
var ErrPending = errors.New("the activity is pending: it is completed or failed by its token")

// EncodeToken writes a task token as text that fits into URLs, command lines and mails; for workers.
func EncodeToken(token []byte) string { return base64.RawURLEncoding.EncodeToString(token) }

// DecodeToken reads the text of a task token.
func DecodeToken(text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("%q is no task token: pass the TaskToken of the attempt as it is", text)
	}
	return b, nil
}
