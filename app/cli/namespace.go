package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) namespaceCommand() *cobra.Command {
	ns := &cobra.Command{Use: "namespace", Short: "Declare namespaces and the search attributes of their runs", Args: cobra.NoArgs, RunE: help}
	ns.AddCommand(s.namespaceCreate(), s.namespaceList(), s.namespaceDescribe(), s.namespaceUpdate(), s.namespaceDeprecate())
	return ns
}

// attributes reads NAME=TYPE flags.
func attributeFlags(texts []string) (map[string]model.AttributeType, error) {
	out := map[string]model.AttributeType{}
	for _, text := range texts {
		name, typ, _ := strings.Cut(text, "=")
		t, ok := model.ParseAttributeType(typ)
		if !ok || name == "" {
			return nil, usageError{fmt.Errorf("--attribute %q: must be NAME=TYPE, where TYPE is one of %s", text, strings.Join(model.AttributeTypes(), ", "))}
		}
		out[name] = t
	}
	return out, nil
}

// attributeValues reads NAME=VALUE flags: a value that is no JSON is a text.
func attributeValues(texts []string) (map[string]model.Payload, error) {
	var out map[string]model.Payload
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usageError{fmt.Errorf("--attribute %q: must be NAME=VALUE", text)}
		}
		data := []byte(value)
		if !json.Valid(data) {
			var err error
			if data, err = json.Marshal(value); err != nil {
				return nil, usageError{fmt.Errorf("--attribute %q: %w", text, err)}
			}
		}
		if out == nil {
			out = map[string]model.Payload{}
		}
		out[name] = model.Payload{ContentType: model.ContentTypeJSON, Data: data}
	}
	return out, nil
}

const attributeHelp = "declare a search attribute, as NAME=TYPE; may be repeated"

func (s *shell) namespaceCreate() *cobra.Command {
	var description string
	var retention time.Duration
	var attributes []string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a namespace", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			types, err := attributeFlags(attributes)
			if err != nil {
				return err
			}
			server, err := s.dial()
			if err != nil {
				return err
			}
			n, err := server.CreateNamespace(cmd.Context(), ports.NamespaceRecord{Name: model.Namespace(args[0]), Description: description, Retention: retention, Attributes: types})
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(wire.EncodeNamespace(n))
			}
			s.say("namespace %s created", n.Name)
			return nil
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	cmd.Flags().DurationVar(&retention, "retention", 0, "how long closed runs are kept; 0 = the server's retention.default")
	cmd.Flags().StringArrayVar(&attributes, "attribute", nil, attributeHelp)
	return cmd
}

func (s *shell) namespaceList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List namespaces by name", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			all, err := server.ListNamespaces(cmd.Context())
			if err != nil {
				return server.failed(err)
			}
			rows := [][]string{{"NAMESPACE", "ATTRIBUTES", "RETENTION", "CREATED", "DESCRIPTION"}}
			for _, n := range all {
				if s.asJSON() {
					if err := s.message(wire.EncodeNamespace(n)); err != nil {
						return err
					}
					continue
				}
				name := string(n.Name)
				if n.Deprecated {
					name += " (deprecated)"
				}
				rows = append(rows, []string{name, fmt.Sprint(len(n.Attributes)), n.Retention.String(), instant(n.CreatedAt), n.Description})
			}
			if s.asJSON() {
				return nil
			}
			return s.table(rows)
		},
	}
}

func (s *shell) namespaceDescribe() *cobra.Command {
	return &cobra.Command{
		Use: "describe [NAME]", Short: "Show a namespace and its search attributes", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			name := s.ns()
			if len(args) > 0 {
				name = model.Namespace(args[0])
			}
			n, err := server.GetNamespace(cmd.Context(), name)
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(wire.EncodeNamespace(n))
			}
			rows := [][]string{{"namespace", string(n.Name)}, {"description", n.Description}, {"retention", n.Retention.String()},
				{"created", instant(n.CreatedAt)}, {"deprecated", fmt.Sprint(n.Deprecated)}, {"etag", wire.EncodeETag(n.Version)}}
			for _, a := range slices.Sorted(maps.Keys(n.Attributes)) {
				rows = append(rows, []string{"attribute " + a, n.Attributes[a].String()})
			}
			return s.table(rows)
		},
	}
}

func (s *shell) namespaceUpdate() *cobra.Command {
	var description, etag string
	var retention time.Duration
	var attributes []string
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change a namespace, or declare more search attributes", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			types, err := attributeFlags(attributes)
			if err != nil {
				return err
			}
			version, err := wire.DecodeETag(etag)
			if err != nil {
				return usageError{err}
			}
			u := ports.NamespaceUpdate{Name: model.Namespace(args[0]), Version: version, Attributes: types}
			if cmd.Flags().Changed("description") {
				u.Description = &description
			}
			if cmd.Flags().Changed("retention") {
				u.Retention = &retention
			}
			server, err := s.dial()
			if err != nil {
				return err
			}
			out, err := server.UpdateNamespace(cmd.Context(), u)
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(&aionv1.UpdateNamespaceResponse{Namespace: wire.EncodeNamespace(out.Namespace), BlockedRunsUnblocked: uint32(out.Unblocked)})
			}
			s.say("namespace %s updated", out.Namespace.Name)
			if out.Unblocked > 0 {
				s.say("%s unblocked", plural(out.Unblocked, "Blocked run"))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	cmd.Flags().DurationVar(&retention, "retention", 0, "how long closed runs are kept")
	cmd.Flags().StringArrayVar(&attributes, "attribute", nil, attributeHelp)
	cmd.Flags().StringVar(&etag, "etag", "", "change it only where it has this etag")
	return cmd
}

func (s *shell) namespaceDeprecate() *cobra.Command {
	var etag string
	cmd := &cobra.Command{
		Use: "deprecate NAME", Short: "Let nothing be started in a namespace any more; its runs go on", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			version, err := wire.DecodeETag(etag)
			if err != nil {
				return usageError{err}
			}
			server, err := s.dial()
			if err != nil {
				return err
			}
			n, err := server.DeprecateNamespace(cmd.Context(), model.Namespace(args[0]), version)
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(wire.EncodeNamespace(n))
			}
			s.say("namespace %s is deprecated: nothing can be started in it", n.Name)
			return nil
		},
	}
	cmd.Flags().StringVar(&etag, "etag", "", "do it only where it has this etag")
	return cmd
}
