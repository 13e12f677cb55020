package directory

import (
	"encoding/json"
	"time"
)

// Audit returns what an auditor may see of a change: the record's fields as
// JSON, without any secret; null for a deleted one. Of a credential it shows
// that it is there, never its hash.
func Audit(c Change) (json.RawMessage, error) {
	if c.Value == nil {
		return json.RawMessage("null"), nil
	}
	if err := checkRecord(c.Key, c.Value); err != nil {
		return nil, err
	}
	key := string(c.Key)
	switch kind := Kind(c.Value[1]); kind {
	case KindUser:
		u, err := decodeUser(key, c.Value)
		if err != nil {
			return nil, err
		}
		return json.Marshal(u.audit())
	case KindAlias:
		a, err := decodeAlias(key, c.Value)
		if err != nil {
			return nil, err
		}
		return json.Marshal(map[string]any{"kind": "alias", "targets": texts(a.Targets)})
	case KindDomain:
		d, err := decodeDomain(key, c.Value)
		if err != nil {
			return nil, err
		}
		return json.Marshal(d.audit())
	default:
		owner := Record{appendRecord(nil, 0, c.Key, c.Value)}.Owner()
		return json.Marshal(map[string]any{"kind": kind.String(), "owner": string(owner)})
	}
}

type auditCredential struct {
	Kind      string   `json:"kind"`
	Label     string   `json:"label,omitempty"`
	Services  []string `json:"services"`
	SingleUse bool     `json:"single_use,omitempty"`
	Expires   string   `json:"expires,omitempty"`
}

var credentialNames = [credentialKindEnd]string{"password", "app-password", "one-time-password"}

// String returns the kind in an administrator's words.
func (k CredentialKind) String() string { return nameOf(credentialNames[:], uint8(k)) }

func (u *UserFields) audit() map[string]any {
	credentials := []auditCredential{}
	for _, c := range u.Credentials {
		a := auditCredential{Kind: c.Kind.String(), Label: c.Label, Services: c.Services.List(), SingleUse: c.SingleUse}
		if !c.Expires.IsZero() {
			a.Expires = c.Expires.Format(time.RFC3339)
		}
		credentials = append(credentials, a)
	}
	return dropEmpty(map[string]any{
		"kind": "user", "state": u.State.String(), "services": u.Switches.Services.List(),
		"submit": u.Switches.Submit.String(), "receive": u.Switches.Receive.String(),
		"submit_domains": texts(u.Switches.SubmitDomains), "roles": u.Roles.List(), "role_domains": texts(u.RoleDomains),
		"login_name": u.LoginName.String(), "display_name": u.DisplayName, "addresses": texts(u.Addresses),
		"forward": texts(u.Forward), "keep_copy": u.KeepCopy, "quota": u.Quota.audit(), "plan": u.Plan,
		"credentials": credentials, "language": u.Profile.Language, "timezone": u.Profile.Timezone,
		"date_format": u.Profile.DateFormat, "recovery": u.Profile.Recovery,
	})
}

func (d *DomainFields) audit() map[string]any {
	return dropEmpty(map[string]any{
		"kind": "domain", "state": d.State.String(), "quota": d.Quota.audit(), "catch_all": d.CatchAll.String(), "plan": d.Plan,
		"max_users": d.MaxUsers, "max_aliases": d.MaxAliases, "max_bytes": int64(d.MaxBytes), "permanent": d.Permanent,
	})
}

// audit returns the limit in bytes, or nil when it is inherited.
func (l Limit) audit() any {
	if l.Inherit {
		return nil
	}
	return int64(l.Bytes)
}

// dropEmpty leaves out what says nothing.
func dropEmpty(fields map[string]any) map[string]any {
	for name, value := range fields {
		switch v := value.(type) {
		case nil:
			delete(fields, name)
		case string:
			if v == "" {
				delete(fields, name)
			}
		case []string:
			if len(v) == 0 && name != "services" {
				delete(fields, name)
			}
		case bool:
			if !v {
				delete(fields, name)
			}
		case uint64:
			if v == 0 {
				delete(fields, name)
			}
		}
	}
	return fields
}

func texts[T interface{ String() string }](list []T) []string {
	all := make([]string, 0, len(list))
	for _, v := range list {
		all = append(all, v.String())
	}
	return all
}
