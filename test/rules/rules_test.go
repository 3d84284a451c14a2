// Package rules holds the tests to what they have to cover: each rule of docs/engine.md that is built and each guarantee of
// docs/guarantees.md is named by a test, and each method of the API is called by the conformance suite of the transports.
package rules

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/ports"
)

// sources reads the Go files below the repository that ok accepts.
func sources(t *testing.T, ok func(path string) bool) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (path == "../../build" || d.Name() == ".git"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || !ok(filepath.ToSlash(path)):
			return nil
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func isTest(path string) bool {
	return strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/ports/") && strings.Contains(path, "test/") || strings.Contains(path, "/test/features/")
}

func TestEveryRuleHasATest(t *testing.T) {
	page, err := os.ReadFile("../../docs/engine.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := sources(t, isTest)
	rules := regexp.MustCompile(`(?m)^- (◐ )?\*\*\[([A-Z]-\d+)\]`).FindAllStringSubmatch(string(page), -1)
	if len(rules) < 20 {
		t.Fatalf("docs/engine.md has %d rules that are built; the pattern no longer finds them", len(rules))
	}
	for _, r := range rules {
		if !regexp.MustCompile(`\b` + r[2] + `\b`).MatchString(tests) {
			t.Errorf("no test names rule %s", r[2])
		}
	}
}

// A test names a guarantee as [ACT-3], in a comment or in a test's name.
func TestEveryGuaranteeHasATest(t *testing.T) {
	page, err := os.ReadFile("../../docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := sources(t, func(path string) bool { return isTest(path) || strings.Contains(path, "/sqlstoretest/") })
	ids := regexp.MustCompile(`(?m)^\| ([A-Z]+-\d+) \|`).FindAllStringSubmatch(string(page), -1)
	if len(ids) < 40 {
		t.Fatalf("docs/guarantees.md has %d guarantees; the pattern no longer finds them", len(ids))
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id[1]] {
			t.Errorf("docs/guarantees.md has two guarantees %s", id[1])
		}
		seen[id[1]] = true
		if !strings.Contains(tests, "["+id[1]+"]") {
			t.Errorf("no test names guarantee [%s]", id[1])
		}
	}
}

// The conformance suite speaks to a transport through ports.Service; adapters/transport/connect.Remote turns each of its methods into a call.
func TestEveryMethodIsCalled(t *testing.T) {
	remote := sources(t, func(path string) bool { return strings.Contains(path, "/adapters/transport/connect/remote") })
	services := 0
	protoregistry.GlobalFiles.RangeFilesByPackage(aionv1.File_aion_v1_workflow_service_proto.Package(), func(file protoreflect.FileDescriptor) bool {
		services += file.Services().Len()
		for i := range file.Services().Len() {
			s := file.Services().Get(i)
			for k := range s.Methods().Len() {
				name := string(s.Methods().Get(k).Name())
				if name == "WhoAmI" { // answered by the transport itself, and tested there
					remote += sources(t, func(path string) bool { return strings.Contains(path, "/adapters/transport/connect/") && isTest(path) })
				}
				if !regexp.MustCompile(`\.` + name + `\b`).MatchString(remote) {
					t.Errorf("Remote calls no %s.%s", s.Name(), name)
				}
			}
		}
		return true
	})
	if services < 6 {
		t.Fatalf("%d services were found", services)
	}
	suite := sources(t, func(path string) bool { return strings.Contains(path, "/ports/transporttest/") })
	service := reflect.TypeFor[ports.Service]()
	for i := range service.NumMethod() {
		if name := service.Method(i).Name; !strings.Contains(suite, "."+name+"(") {
			t.Errorf("ports/transporttest calls no Service.%s", name)
		}
	}
}
