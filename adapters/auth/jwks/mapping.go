package jwks

import (
	"slices"
	"strings"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// Mapping says what the claims of a token mean here.
type Mapping struct {
	Subject string // the claim that says whose the token is; "" = sub
	// Grants is a claim that holds grants as they are: a list of "role@pattern", or an object of pattern to role or roles; "" = none.
	Grants string
	Rules  []Rule
}

// Rule gives a grant to the tokens in which a claim has, or holds, a value.
type Rule struct {
	Claim, Value string
	Grant        ports.Grant
}

// maxGrants bounds what one token may bring.
const maxGrants = 200

// ParseRule reads "claim:value=role@pattern", for example "groups:platform=admin@*". Errors: InvalidInput.
func ParseRule(s string) (Rule, error) {
	i, j := strings.Index(s, ":"), strings.LastIndex(s, "=")
	if i <= 0 || j <= i+1 {
		return Rule{}, fault.Invalidf("%q is no rule: write claim:value=role@pattern, for example groups:platform=admin@*", s)
	}
	g, err := parseGrant(s[j+1:])
	return Rule{Claim: s[:i], Value: s[i+1 : j], Grant: g}, err
}

func parseGrant(s string) (ports.Grant, error) {
	role, pattern, ok := strings.Cut(s, "@")
	if !ok {
		return ports.Grant{}, fault.Invalidf("%q is no grant: write role@pattern, for example operator@shop-*", s)
	}
	return ports.ParseGrant(pattern, role)
}

func (m Mapping) subject() string {
	if m.Subject == "" {
		return "sub"
	}
	return m.Subject
}

// find looks a claim up by its name, or else by a path of names with dots between them.
func find(claims map[string]any, name string) any {
	if v, ok := claims[name]; ok {
		return v
	}
	head, rest, ok := strings.Cut(name, ".")
	if inner, is := claims[head].(map[string]any); ok && is {
		return find(inner, rest)
	}
	return nil
}

// grants maps claims. A claim of grants that makes no sense fails the token: it was made for us, and wrongly.
func (m Mapping) grants(claims map[string]any) ([]ports.Grant, error) {
	var out []ports.Grant
	bad := func(err error) error {
		return fault.Wrap(fault.Unauthenticated, err, "the token's claim %s cannot be read", m.Grants).Hinted("correct it at the issuer")
	}
	add := func(g ports.Grant, err error) error {
		if err != nil {
			return bad(err)
		}
		if !slices.Contains(out, g) {
			out = append(out, g)
		}
		if len(out) > maxGrants {
			return bad(fault.Invalidf("it has more than %d grants", maxGrants))
		}
		return nil
	}
	if m.Grants != "" {
		switch v := find(claims, m.Grants).(type) {
		case nil:
		case string, []any:
			for _, s := range texts(v) {
				if err := add(parseGrant(s)); err != nil {
					return nil, err
				}
			}
		case map[string]any:
			for pattern, roles := range v {
				for _, role := range texts(roles) {
					if err := add(ports.ParseGrant(pattern, role)); err != nil {
						return nil, err
					}
				}
			}
		default:
			return nil, bad(fault.Invalidf("it is neither a list nor an object"))
		}
	}
	for _, r := range m.Rules {
		v := find(claims, r.Claim)
		has := slices.Contains(texts(v), r.Value)
		if s, ok := v.(string); ok && !has {
			has = slices.Contains(strings.Fields(s), r.Value) // as OAuth writes scopes
		}
		if !has {
			continue
		}
		if err := add(r.Grant, nil); err != nil {
			return nil, err
		}
	}
	return out, nil
}
