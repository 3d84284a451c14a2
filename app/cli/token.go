package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/auth/token"
	"github.com/aionrun/aion/adapters/clock/system"
	"github.com/aionrun/aion/app/config"
)

// tokenFile finds the tokens file: by flag, or by the configuration of the server.
type tokenFile struct {
	settings
	name string
}

func (f *tokenFile) bind(cmd *cobra.Command) {
	f.settings.bind(cmd)
	cmd.Flags().StringVar(&f.name, "file", "", "tokens file (default: auth.tokens_file of the configuration)")
}

func (f *tokenFile) find(s *shell) (string, error) {
	if f.name != "" {
		return f.name, nil
	}
	in, err := f.input(s.Env, nil)
	if err != nil {
		return "", err
	}
	e, err := config.Read(in) // not Load: the file may still have to be made
	if err != nil {
		return "", err
	}
	if e.Config.Auth.TokensFile == "" {
		return "", usageError{fmt.Errorf("which tokens file? Name it with --file, or set auth.tokens_file (%s)", config.Key{Name: "auth.tokens_file"}.Variable())}
	}
	return e.Config.Auth.TokensFile, nil
}

func (s *shell) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Short: "Make, list and revoke the tokens of a server with auth.mode = token", Args: cobra.NoArgs, RunE: help,
		Long: `Make, list and revoke the tokens of a server with auth.mode = token. They are in the file that auth.tokens_file names, by their SHA-256; the
server takes changes up by itself, within a second.`,
	}
	cmd.AddCommand(s.tokenCreate(), s.tokenList(), s.tokenRevoke())
	return cmd
}

func (s *shell) tokenCreate() *cobra.Command {
	var f tokenFile
	var roles []string
	var subject string
	var expires time.Duration
	cmd := &cobra.Command{
		Use: "create --role ROLE --namespace PATTERN", Short: "Make a token and print it, once", Args: cobra.NoArgs,
		Long: `Make a token, print it once, and add its SHA-256 to the tokens file, which is made if there is none.
Roles: reader < starter < operator < admin, each with what the ones before it may do; worker; deployer.
A pattern is a name, the beginning of one with * after it, or * for all; several are separated by commas. Every role is given in every one.`,
		Example: `  aion token create --file tokens.toml --role operator --namespace 'shop-*'
  aion token create --file tokens.toml --role worker --role reader --namespace shop --subject shop-worker --expires 720h`,
		RunE: func(*cobra.Command, []string) error {
			if len(roles) == 0 || s.namespace == "" {
				return usageError{fmt.Errorf("--role and --namespace say what the bearer may do, and where: both are needed")}
			}
			if expires < 0 {
				return usageError{fmt.Errorf("--expires %s: must be positive", expires)}
			}
			file, err := f.find(s)
			if err != nil {
				return err
			}
			now := system.Clock{}.Now()
			e := token.Entry{Subject: subject}
			if expires > 0 {
				e.Expires = now.Add(expires).UTC().Truncate(time.Second)
			}
			for _, ns := range strings.Split(s.namespace, ",") {
				for _, role := range roles {
					e.Grants = append(e.Grants, token.Grant{Namespaces: strings.TrimSpace(ns), Role: role})
				}
			}
			secret, made, err := token.Create(file, e, now)
			if err != nil {
				return err
			}
			if s.asJSON() {
				return s.value(struct {
					Token string `json:"token"`
					tokenEntry
				}{secret, entryOf(made)})
			}
			s.say("token %s of %s is in %s by its SHA-256; this is the only time that it is shown:", made.ID, made.Subject, file)
			_, err = fmt.Fprintln(s.Out, secret)
			return err
		},
	}
	f.bind(cmd)
	cmd.Flags().StringArrayVar(&roles, "role", nil, "reader, starter, operator, admin, worker or deployer; several times for several")
	cmd.Flags().StringVar(&subject, "subject", "", "who the bearer is, for histories and the audit (default: the token's ID)")
	cmd.Flags().DurationVar(&expires, "expires", 0, "how long it is valid, for example 720h (default: until it is revoked)")
	return cmd
}

// tokenEntry is a token in JSON, without the token.
type tokenEntry struct {
	ID      string     `json:"id"`
	Subject string     `json:"subject"`
	Grants  []string   `json:"grants"`
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"`
}

func entryOf(e token.Entry) tokenEntry {
	out := tokenEntry{ID: e.ID, Subject: e.Subject, Created: e.Created.UTC()}
	for _, g := range e.Grants {
		out.Grants = append(out.Grants, g.Role+" in "+g.Namespaces)
	}
	if !e.Expires.IsZero() {
		t := e.Expires.UTC()
		out.Expires = &t
	}
	return out
}

func (s *shell) tokenList() *cobra.Command {
	var f tokenFile
	cmd := &cobra.Command{
		Use: "list", Short: "List the tokens of the file, without the tokens themselves", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			file, err := f.find(s)
			if err != nil {
				return err
			}
			all, err := token.Read(file)
			if err != nil {
				return err
			}
			rows := [][]string{{"ID", "SUBJECT", "GRANTS", "CREATED", "EXPIRES"}}
			now := system.Clock{}.Now()
			for _, t := range all {
				e := entryOf(t)
				if s.asJSON() {
					if err := s.value(e); err != nil {
						return err
					}
					continue
				}
				ends := "never"
				if e.Expires != nil {
					if ends = instant(*e.Expires); !now.Before(*e.Expires) {
						ends += " (over)"
					}
				}
				rows = append(rows, []string{e.ID, e.Subject, strings.Join(e.Grants, ", "), instant(e.Created), ends})
			}
			if s.asJSON() {
				return nil
			}
			if len(all) == 0 {
				s.say("%s has no tokens; aion token create makes one", file)
				return nil
			}
			return s.table(rows)
		},
	}
	f.bind(cmd)
	return cmd
}

func (s *shell) tokenRevoke() *cobra.Command {
	var f tokenFile
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "Take a token out of the file", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := f.find(s)
			if err != nil {
				return err
			}
			if err := token.Revoke(file, args[0]); err != nil {
				return err
			}
			s.say("token %s is revoked: a running server refuses it within a second, and ends its open streams within a minute", args[0])
			return nil
		},
	}
	f.bind(cmd)
	return cmd
}
