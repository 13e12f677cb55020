package adminsock

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
	"github.com/gatepost/gatepost/internal/password"
)

// Codes of this door, beside those of [directory.Code].
const (
	CodeInvalid     = string(directory.CodeInvalid)
	CodeMalformed   = "malformed"          // not JSON, or not well formed otherwise
	CodeMediaType   = "media_type"         // not JSON by its own account
	CodeTooLarge    = "too_large"          // body, line or batch
	CodeTimeout     = "timeout"            // the body did not arrive
	CodeNoPath      = "no_such_path"       //
	CodeNoMethod    = "method_not_allowed" //
	CodeDenied      = "denied"             // not for this caller
	CodeWeak        = "weak_password"      //
	CodeArchived    = "archived"           // restore the user first
	CodeNotArchived = "not_archived"       // only an archived user can be restored
	CodeOverloaded  = "overloaded"         // too many passwords are being hashed
	CodeDamaged     = "damaged"            // the audit trail is not what was written
	CodeBackup      = "damaged_backup"     // or not a backup at all
	CodeNoRoom      = "no_room"            // on the disk
	CodeBusy        = "busy"               // another one is at it
	CodeInternal    = "internal"           // our own trouble: see the log
)

// Problem is an error as RFC 9457 has it: what a client reads, and decides on
// by Code. It never repeats a value that was given.
type Problem struct {
	Title   string       `json:"title" doc:"the status in words"`
	Status  int          `json:"status"`
	Code    string       `json:"code" doc:"stable name of the reason"`
	Detail  string       `json:"detail" doc:"the reason, for a person"`
	Field   string       `json:"field,omitempty" doc:"the field that is wrong, if it is one"`
	Line    int          `json:"line,omitempty" doc:"the line of a batch that is wrong"`
	Errors  []FieldError `json:"errors,omitempty" doc:"all fields that are wrong, when there are several"`
	Request string       `json:"request_id,omitempty" doc:"the request's id in the log"`

	allow string // for the Allow header
}

// FieldError is one of several mistakes.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus makes the problem a huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType makes huma send the problem as what it is.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// refuse returns a problem.
func refuse(status int, code, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// in names the field that is wrong.
func (p *Problem) in(field string) *Problem {
	if field != "" {
		p.Field, p.Detail = field, field+": "+p.Detail
	}
	return p
}

// wrong refuses a field's value.
func wrong(field, format string, args ...any) *Problem {
	return refuse(http.StatusUnprocessableEntity, CodeInvalid, fmt.Sprintf(format, args...)).in(field)
}

func denied(c *Call) *Problem {
	return refuse(http.StatusForbidden, CodeDenied, fmt.Sprintf("user %s is not an administrator", c.Actor))
}

func internal() *Problem {
	return refuse(http.StatusInternalServerError, CodeInternal, "gatepost could not do this; its log says why under the request's id")
}

// lineError is an error in a line of a batch.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

// problemOf is the one place that turns an error into what the client reads.
func problemOf(c *Call, err error) *Problem {
	var line *lineError
	if errors.As(err, &line) {
		p := *problemOf(c, line.err)
		p.Line, p.Detail = line.line, fmt.Sprintf("line %d: %s", line.line, p.Detail)
		return &p
	}
	var p *Problem
	var refused *directory.Error
	var weak *password.WeakError
	var damage *journal.DamageError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &refused):
		return refusal(c, refused)
	case errors.As(err, &weak):
		p := refuse(http.StatusUnprocessableEntity, CodeWeak, weak.Error())
		p.Field = "password"
		return p
	case errors.As(err, &damage):
		c.reason = err
		return refuse(http.StatusInternalServerError, CodeDamaged, err.Error())
	case errors.Is(err, password.ErrOverloaded):
		return refuse(http.StatusServiceUnavailable, CodeOverloaded, "too many passwords are being checked; try again")
	case errors.Is(err, context.Canceled):
		return refuse(http.StatusRequestTimeout, CodeTimeout, "the caller went away")
	}
	c.reason = err
	return internal()
}

// statusOf says which HTTP status a code of the directory has.
var statusOf = map[directory.Code]int{
	directory.CodeExists:       http.StatusConflict,
	directory.CodeNotFound:     http.StatusNotFound,
	directory.CodeNoDomain:     http.StatusUnprocessableEntity,
	directory.CodeNoTarget:     http.StatusUnprocessableEntity,
	directory.CodeInvalid:      http.StatusUnprocessableEntity,
	directory.CodeConflict:     http.StatusConflict,
	directory.CodeInUse:        http.StatusConflict,
	directory.CodeNotEmpty:     http.StatusConflict,
	directory.CodeNotDisabled:  http.StatusConflict,
	directory.CodeLoop:         http.StatusUnprocessableEntity,
	directory.CodeTooDeep:      http.StatusUnprocessableEntity,
	directory.CodeLimitUsers:   http.StatusConflict,
	directory.CodeLimitAliases: http.StatusConflict,
	directory.CodeLimitBytes:   http.StatusConflict,
	directory.CodeReserved:     http.StatusConflict,
	directory.CodeTooLarge:     http.StatusRequestEntityTooLarge,
	directory.CodeReadOnly:     http.StatusServiceUnavailable,
	directory.CodeUnknown:      http.StatusServiceUnavailable,
}

// refusal turns what the directory says into a problem.
func refusal(c *Call, e *directory.Error) *Problem {
	status, known := statusOf[e.Code]
	if !known {
		c.reason = e
		return internal()
	}
	if status == http.StatusServiceUnavailable {
		c.reason = e
	}
	if e.Code == directory.CodeConflict && c.match.header {
		status = http.StatusPreconditionFailed // RFC 9110, section 13.1.1
	}
	p := refuse(status, string(e.Code), e.Error())
	p.Field = e.Field
	return p
}
