package worker_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
)

// [SEC-4] A worker that is warned sends the token that is in its file by then.
func TestRenewsItsToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	put := func(token string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("first")
	t.Setenv("AION_TOKEN", "")
	t.Setenv("AION_TOKEN_FILE", file)
	s, _, _, _ := start(t, options())
	p := s.accept()
	put("second")
	p.send(&aionv1.StreamTasksResponse{CredentialExpiring: &aionv1.CredentialExpiring{ExpiresAt: timestamppb.New(time.Now().Add(time.Minute))}})
	f := p.frame("the new token", func(f *aionv1.StreamTasksRequest) bool { return f.GetAuthenticate() != nil })
	if got := f.GetAuthenticate().GetToken(); got != "second" {
		t.Errorf("the worker sent %q", got)
	}
}
