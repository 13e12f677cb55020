package command

import (
	"reflect"
	"strings"
)

// Permission is what a command needs; roles are sets of permissions.
type Permission string

// The permissions.
const (
	ReadDomains    Permission = "domains:read"
	WriteDomains   Permission = "domains:write"
	ReadUsers      Permission = "users:read"
	WriteUsers     Permission = "users:write"
	WritePasswords Permission = "passwords:write"
	ReadAliases    Permission = "aliases:read"
	WriteAliases   Permission = "aliases:write"
	ReadStatus     Permission = "status:read"
	ReadAudit      Permission = "audit:read"
	TakeBackup     Permission = "backup:read" // everything that is stored, password hashes too
	WriteBackup    Permission = "backup:write"
)

// Spec is one command.
type Spec struct {
	Name    string // "user add": metrics label, audit entry, words on the command line
	Summary string // one line, no full stop
	Detail  string // more for the help, or nothing
	Example string // arguments after the name

	Method, Path string // POST, /v1/users
	Permission   Permission
	Object       string // the parameter that names what the command is about

	Write  bool // it changes something, so it is logged with who did it
	Stream bool // the body has no length limit, and is of the type Media
	List   bool // the output is an array of Out, written as it is read
	Assign bool // parameters tagged "key" are given as KEY=VALUE

	Confirm string // what it does that gatepostctl wants --yes for: "cannot be undone"

	Done  string // what gatepostctl says afterwards; {parameter} is replaced, and a later line left out where it is empty
	Hint  string // what it adds to that
	Media string // type of a body that is streamed, or of an answer that is a file; empty: JSON
	Or    string // the command meant when this one lacks its argument: by the flag of its file, or by nothing

	In, Out reflect.Type
}

// The media types that are not JSON.
const (
	mediaLines  = "application/x-ndjson"
	mediaBackup = "application/octet-stream"
)

// Every command that changes something takes a reason, which stands in the audit
// trail: the parameter of the URL's query, and the flag of gatepostctl.
const (
	Reason    = "reason"
	ReasonDoc = "why, in the administrator's words; it stands in the audit trail"
	MaxReason = 500 // bytes
)

// IsFile reports whether the answer is a file, not JSON.
func (s *Spec) IsFile() bool { return s.Media != "" && !s.Stream }

// Op is a command with its types, so that a handler of other types does not
// compile.
type Op[I, O any] struct{ *Spec }

func op[I, O any](s Spec) Op[I, O] {
	s.In, s.Out = reflect.TypeFor[I](), reflect.TypeFor[O]()
	return Op[I, O]{&s}
}

// Nouns says what the commands that begin alike are about.
func Nouns() map[string]string {
	return map[string]string{
		"domain": "domains that mail is taken for", "user": "users: people with a mailbox and a password",
		"user app-password": "passwords for one device or program", "alias": "addresses that lead to others",
		"alias target": "single targets of an alias", "quota": "how full mailboxes are",
		"explain": "what a peer would be answered, and why", "audit": "who changed what, and whether the trail is intact",
	}
}

// ID returns the name in the form of an identifier: "user-add".
func (s *Spec) ID() string { return strings.ReplaceAll(s.Name, " ", "-") }

// Find returns the command of this name, or nil.
func Find(name string) *Spec {
	for _, s := range All() {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// All returns every command, in the order of the documentation.
func All() []*Spec {
	return []*Spec{
		DomainAdd.Spec, DomainList.Spec, DomainShow.Spec, DomainSet.Spec, DomainDelete.Spec,
		UserAdd.Spec, UserBatch.Spec, UserList.Spec, UserShow.Spec, UserSet.Spec, UserPasswd.Spec,
		UserEnable.Spec, UserDisable.Spec, UserSuspend.Spec, UserFreeze.Spec, UserArchive.Spec, UserRestore.Spec,
		UserDelete.Spec, UserOTP.Spec, AppPasswordAdd.Spec, AppPasswordList.Spec, AppPasswordRevoke.Spec,
		AliasAdd.Spec, AliasList.Spec, AliasShow.Spec, AliasSet.Spec, AliasDelete.Spec, AliasTargetAdd.Spec, AliasTargetRemove.Spec,
		QuotaList.Spec, QuotaShow.Spec, ExplainRcpt.Spec, ExplainLogin.Spec, Rules.Spec,
		AuditTail.Spec, AuditShow.Spec, AuditVerify.Spec, Backup.Spec, Restore.Spec, Status.Spec,
	}
}
