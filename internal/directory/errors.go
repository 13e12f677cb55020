package directory

import "strings"

// Code is the stable name of a reason to refuse a change; the administration
// passes it on as the problem's code.
type Code string

// The codes.
const (
	CodeExists       Code = "exists"         // the name is held
	CodeNotFound     Code = "not_found"      // no such name
	CodeNoDomain     Code = "no_such_domain" // the address lies in no domain of ours
	CodeNoTarget     Code = "no_such_target" // an alias or forward leads to an address that does not exist here
	CodeInvalid      Code = "invalid"        // a field's value
	CodeConflict     Code = "conflict"       // the record is not at the revision that was named
	CodeInUse        Code = "in_use"         // something still points at it
	CodeNotEmpty     Code = "not_empty"      // the domain still has users or aliases
	CodeNotDisabled  Code = "not_disabled"   // only a disabled or archived user can be deleted
	CodeLoop         Code = "alias_loop"     // the targets lead back
	CodeTooDeep      Code = "alias_depth"    // the targets nest too deep, or are too many
	CodeLimitUsers   Code = "limit_users"    // the domain's max-users
	CodeLimitAliases Code = "limit_aliases"  // the domain's max-aliases
	CodeLimitBytes   Code = "limit_bytes"    // the domain's max-bytes
	CodeReserved     Code = "reserved"       // the name is kept back
	CodeTooLarge     Code = "too_large"      // more than becomes durable at once
	CodeReadOnly     Code = "read_only"      // the store takes no changes now
	CodeUnknown      Code = "unknown_outcome"
)

// Error is a refused change. errors.Is compares codes, so the sentinels below
// match any error with their code.
type Error struct {
	Code   Code
	Field  string // the input field that is wrong, if it is one
	Detail string // the reason, for a person
	Err    error  // the cause, if there is one
}

// Sentinels for errors.Is.
var (
	ErrExists      = &Error{Code: CodeExists}
	ErrNotFound    = &Error{Code: CodeNotFound}
	ErrNoDomain    = &Error{Code: CodeNoDomain}
	ErrNoTarget    = &Error{Code: CodeNoTarget}
	ErrInvalid     = &Error{Code: CodeInvalid}
	ErrConflict    = &Error{Code: CodeConflict}
	ErrInUse       = &Error{Code: CodeInUse}
	ErrNotEmpty    = &Error{Code: CodeNotEmpty}
	ErrNotDisabled = &Error{Code: CodeNotDisabled}
	ErrLoop        = &Error{Code: CodeLoop}
	ErrTooDeep     = &Error{Code: CodeTooDeep}
	ErrReadOnly    = &Error{Code: CodeReadOnly}
	ErrUnknown     = &Error{Code: CodeUnknown}
)

func (e *Error) Error() string {
	var b strings.Builder
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	if e.Detail != "" {
		b.WriteString(e.Detail)
	} else {
		b.WriteString(strings.ReplaceAll(string(e.Code), "_", " "))
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Is reports whether target is an Error with the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// invalid names a field and why its value cannot be taken.
func invalid(field, detail string) *Error {
	return &Error{Code: CodeInvalid, Field: field, Detail: detail}
}
