package app_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/aionrun/aion/adapters/auth/token"
	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/app"
	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// bearing sends a token with every request.
type bearing struct {
	token string
	next  http.RoundTripper
}

func (b bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

// withTokens starts a server with a tokens file; the answer makes clients that have a token.
func withTokens(t *testing.T, o app.Options, change ...func(*config.Config)) (*app.Server, func(grants ...token.Grant) *http.Client) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokens.toml")
	create := func(grants ...token.Grant) *http.Client {
		t.Helper()
		secret, _, err := token.Create(file, token.Entry{Subject: "ada", Grants: grants}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		c := connect.HTTPClient()
		t.Cleanup(c.CloseIdleConnections)
		return &http.Client{Transport: bearing{secret, c.Transport}}
	}
	// Both that the tests need are there from the beginning: the file is looked at once a second.
	create(token.Grant{Namespaces: "*", Role: "admin"})
	made := map[string]*http.Client{}
	for _, g := range [][]token.Grant{{{Namespaces: "*", Role: "admin"}}, {{Namespaces: "shop-*", Role: "admin"}}, {{Namespaces: "shop-*", Role: "reader"}}} {
		made[fmt.Sprint(g)] = create(g...)
	}
	s := start(t, settings(append(change, func(c *config.Config) { c.Auth.Mode, c.Auth.TokensFile = config.AuthToken, file })...), o)
	return s, func(grants ...token.Grant) *http.Client {
		c := made[fmt.Sprint(grants)]
		if c == nil {
			t.Fatalf("add %v to those that are made", grants)
		}
		return c
	}
}

// about puts the namespace and the workflow ID wherever a message has them; false where it has no namespace.
func about(m protoreflect.Message, ns, id string) bool {
	found := false
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case f.Name() == "namespace" && f.Kind() == protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString(ns))
			found = true
		case f.Name() == "namespaces" && f.IsList() && f.Kind() == protoreflect.StringKind:
			m.Mutable(f).List().Append(protoreflect.ValueOfString(ns))
			found = true
		case f.Name() == "workflow_id" && f.Kind() == protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString(id))
		case (f.Name() == "package" || f.Name() == "hash") && f.Kind() == protoreflect.StringKind: // what is required beside
			m.Set(f, protoreflect.ValueOfString("abcdef0"))
		case f.Name() == "failure" && f.Kind() == protoreflect.MessageKind:
			m.Set(f, m.NewField(f))
		case f.Name() == "update_mask":
			path := "description"
			if strings.Contains(string(m.Descriptor().Name()), "Schedule") {
				path = "spec"
			}
			m.Set(f, protoreflect.ValueOfMessage((&fieldmaskpb.FieldMask{Paths: []string{path}}).ProtoReflect()))
		case f.Name() == "slots" || f.Name() == "protocol_version":
			m.Set(f, protoreflect.ValueOfUint32(1))
		case f.Kind() == protoreflect.MessageKind && !f.IsList() && !f.IsMap() && f.Message().FullName().Parent() == "aion.v1" && f.Message() != m.Descriptor():
			sub := m.NewField(f).Message()
			if about(sub, ns, id) {
				m.Set(f, protoreflect.ValueOfMessage(sub))
				found = true
			}
		}
	}
	return found
}

// answered is everything that a caller gets to see of an answer.
func answered(t *testing.T, c *http.Client, r *http.Request) string {
	t.Helper()
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%q\n", res.Status, body)
	for _, h := range []http.Header{res.Header, res.Trailer} {
		for _, k := range slices.Sorted(maps.Keys(h)) {
			if k == "Grpc-Status-Details-Bin" {
				detail, err := base64.RawStdEncoding.DecodeString(h.Get(k))
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "%s: %q\n", k, detail)
			} else if k != "Date" {
				fmt.Fprintf(&b, "%s: %q\n", k, h[k])
			}
		}
	}
	return b.String()
}

// surfaces are the ways to ask: each makes the request of a method.
var surfaces = map[string]func(method protoreflect.MethodDescriptor, m proto.Message) (contentType string, body []byte){
	"Connect JSON": func(_ protoreflect.MethodDescriptor, m proto.Message) (string, []byte) {
		b, _ := protojson.Marshal(m)
		return "application/json", b
	},
	"Connect protobuf": func(_ protoreflect.MethodDescriptor, m proto.Message) (string, []byte) {
		b, _ := proto.Marshal(m)
		return "application/proto", b
	},
	"gRPC": func(_ protoreflect.MethodDescriptor, m proto.Message) (string, []byte) {
		return "application/grpc", framed(m)
	},
	"gRPC-Web": func(_ protoreflect.MethodDescriptor, m proto.Message) (string, []byte) {
		return "application/grpc-web", framed(m)
	},
}

func framed(m proto.Message) []byte {
	b, _ := proto.Marshal(m)
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(b))), b...)
}

// methods lists the methods of the contract.
func methods() (out []protoreflect.MethodDescriptor) {
	protoregistry.GlobalFiles.RangeFilesByPackage("aion.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			for k := range f.Services().Get(i).Methods().Len() {
				out = append(out, f.Services().Get(i).Methods().Get(k))
			}
		}
		return true
	})
	return out
}

func message(t *testing.T, d protoreflect.MessageDescriptor) protoreflect.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		t.Fatal(err)
	}
	return kind.New()
}

// [SEC-2] Asking about another tenant's object gives the very bytes of asking about one that does not exist, for every method on every
// surface, headers and trailers included.
func TestForeignIsMissing(t *testing.T) {
	s, client := withTokens(t, app.Options{})
	all := connect.NewRemote(client(token.Grant{Namespaces: "*", Role: "admin"}), "http://"+s.Address())
	for _, ns := range []model.Namespace{"bank", "shop-eu"} {
		if _, err := all.Start(t.Context(), ports.StartRequest{Namespace: ns, Type: "Wait", WorkflowID: "w"}); err != nil {
			t.Fatal(err)
		}
	}
	mine := client(token.Grant{Namespaces: "shop-*", Role: "admin"})
	if runs, _, err := connect.NewRemote(mine, "http://"+s.Address()).List(t.Context(), ports.ListQuery{Namespace: "shop-eu"}); err != nil || len(runs) != 1 {
		t.Fatalf("its own namespace: %v, %v", runs, err)
	}
	asked := 0
	compare := func(t *testing.T, make func(ns, id string) *http.Request) {
		t.Helper()
		foreign := answered(t, mine, make("bank", "w"))
		missing := answered(t, mine, make("bonk", "w"))
		if want := strings.ReplaceAll(missing, "bonk", "bank"); foreign != want {
			t.Errorf("a foreign namespace:\n%s\none that does not exist:\n%s", foreign, missing)
		}
		if other := answered(t, mine, make("bank", "nobody")); other != foreign {
			t.Errorf("a foreign run:\n%s\none that does not exist:\n%s", foreign, other)
		}
		if strings.Contains(foreign, "shop") {
			t.Errorf("the answer speaks of another namespace:\n%s", foreign)
		}
		asked++
	}
	for _, method := range methods() {
		if !about(message(t, method.Input()), "bank", "w") {
			continue // about no namespace
		}
		for name, encode := range surfaces {
			if method.IsStreamingClient() && name != "gRPC" || method.IsStreamingServer() && strings.HasPrefix(name, "Connect") {
				continue
			}
			t.Run(string(method.Name())+"/"+name, func(t *testing.T) {
				compare(t, func(ns, id string) *http.Request {
					m := message(t, method.Input())
					about(m, ns, id)
					contentType, body := encode(method, m.Interface())
					r := request(t, http.MethodPost, "http://"+s.Address()+"/"+string(method.Parent().FullName())+"/"+string(method.Name()), string(body))
					r.Header.Set("Content-Type", contentType)
					return r
				})
			})
		}
	}
	for _, path := range []string{"workflow-types/Now:start?workflow_id=ID", "workflows/ID:signal?name=go", "workflows/ID:query?name=x"} {
		t.Run("REST/"+path, func(t *testing.T) {
			compare(t, func(ns, id string) *http.Request {
				return request(t, http.MethodPost, "http://"+s.Address()+"/api/v1/namespaces/"+ns+"/"+strings.ReplaceAll(path, "ID", id), "{}")
			})
		})
	}
	if asked < 30 {
		t.Errorf("only %d questions were asked", asked)
	}
}

// [SEC-1] A caller without any grant reaches no method of the contract, but the one that says who it is.
func TestNoMethodWithoutAGrant(t *testing.T) {
	s := start(t, settings(), app.Options{Auth: nobody{}})
	c := connect.HTTPClient()
	t.Cleanup(c.CloseIdleConnections)
	for _, method := range methods() {
		if method.Name() == "WhoAmI" {
			continue
		}
		t.Run(string(method.FullName()), func(t *testing.T) {
			m := message(t, method.Input())
			about(m, "default", "w")
			r := request(t, http.MethodPost, "http://"+s.Address()+"/"+string(method.Parent().FullName())+"/"+string(method.Name()), "")
			r.Body = io.NopCloser(bytes.NewReader(framed(m.Interface())))
			r.Header.Set("Content-Type", "application/grpc")
			res, err := c.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			status := res.Header.Get("Grpc-Status") + res.Trailer.Get("Grpc-Status")
			if status != "5" && status != "7" { // not found, permission denied
				t.Errorf("gRPC status %s: %s", status, res.Trailer.Get("Grpc-Message"))
			}
		})
	}
}

// nobody is who every caller is.
type nobody struct{}

func (nobody) Mode() string { return "test" }
func (nobody) Authenticate(context.Context, ports.Credentials) (ports.Principal, error) {
	return ports.Principal{Subject: "nobody"}, nil
}

// With namespaces.mode = single another namespace than the one is not there, for anybody.
func TestSingleNamespace(t *testing.T) {
	s := start(t, settings(func(c *config.Config) { c.Namespaces.Mode, c.Namespaces.Default = config.NamespacesSingle, "shop" }), app.Options{Logger: slog.New(slog.DiscardHandler)})
	r := remote(t, s)
	if _, err := r.Start(t.Context(), ports.StartRequest{Type: "Now", Wait: 10 * time.Second}); err != nil {
		t.Fatal(err)
	}
	if runs, _, err := r.List(t.Context(), ports.ListQuery{Namespace: "shop"}); err != nil || len(runs) != 1 {
		t.Errorf("%v, %v", runs, err)
	}
	if _, err := r.Start(t.Context(), ports.StartRequest{Namespace: "bank", Type: "Now"}); err == nil || !strings.Contains(err.Error(), `namespace "bank" does not exist`) {
		t.Errorf("start elsewhere: %v", err)
	}
}
