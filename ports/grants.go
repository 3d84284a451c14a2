package ports

import (
	"strings"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

var roleNames = [...]string{RoleReader: "reader", RoleStarter: "starter", RoleOperator: "operator", RoleAdmin: "admin", RoleWorker: "worker", RoleDeployer: "deployer"}

// String is the role's name, as tokens files and claims write it.
func (r Role) String() string {
	if r == 0 || int(r) >= len(roleNames) {
		return "none"
	}
	return roleNames[r]
}

// Roles lists the roles in order.
func Roles() []Role {
	return []Role{RoleReader, RoleStarter, RoleOperator, RoleAdmin, RoleWorker, RoleDeployer}
}

// ParseRole finds a role by its name. Errors: InvalidInput.
func ParseRole(name string) (Role, error) {
	for _, r := range Roles() {
		if r.String() == name {
			return r, nil
		}
	}
	return 0, fault.Invalidf("there is no role %q", name).Hinted("there are %s", strings.Join(roleNames[1:], ", "))
}

// ParseGrant makes a grant of a namespace pattern and a role's name. Errors: InvalidInput.
func ParseGrant(namespaces, role string) (Grant, error) {
	r, err := ParseRole(role)
	if err != nil {
		return Grant{}, err
	}
	// What fits the head of a name fits with any letter after it.
	if head, ok := strings.CutSuffix(namespaces, "*"); ok && (head == "" || len(head) < 63 && model.ValidateNamespace(model.Namespace(head+"a")) == nil) {
		return Grant{namespaces, r}, nil
	}
	if model.ValidateNamespace(model.Namespace(namespaces)) != nil {
		return Grant{}, fault.Invalidf("%q is no pattern of namespaces", namespaces).
			Hinted("write a name such as shop, the beginning of one such as shop-*, or * for all")
	}
	return Grant{namespaces, r}, nil
}

// Sees says whether one of the principal's grants, whatever its role, is for ns. What a principal does not see does not exist for it.
func (p Principal) Sees(ns model.Namespace) bool {
	for _, g := range p.Grants {
		if g.Role != 0 && g.matches(string(ns)) {
			return true
		}
	}
	return false
}

// AllowsServer says whether a grant for all namespaces permits what needs role need: packages, routes and the like belong to no namespace.
func (p Principal) AllowsServer(need Role) bool {
	for _, g := range p.Grants {
		if g.Namespaces == "*" && g.Role.Includes(need) {
			return true
		}
	}
	return false
}

// Renewer is a WorkerSession whose right to be there can be checked again.
type Renewer interface {
	// Renew checks the session against the principal as it is now. Errors: PermissionDenied, NotFound (a namespace that it no longer sees).
	Renew(p Principal) error
}
