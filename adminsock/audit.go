package adminsock

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

// Auditor is the audit trail.
type Auditor interface {
	// Revision returns the revision of the last change.
	Revision() directory.Revision
	// Audit calls fn for every change after a revision, in order; what fn gets
	// is valid only during the call.
	Audit(ctx context.Context, after directory.Revision, fn func(directory.Entry) error) error
	// VerifyTo checks every byte up to a revision. Its error names the place of
	// the damage, or is journal.ErrPruned.
	VerifyTo(ctx context.Context, r directory.Revision) (journal.Verified, error)
}

func (s *Server) bindAudit() {
	bindList(s, command.AuditTail, s.auditTail)
	bind(s, command.AuditShow, s.auditShow)
	bind(s, command.AuditVerify, s.auditVerify)
}

// errEnough ends reading the trail.
var errEnough = errors.New("enough")

func (s *Server) auditTail(ctx context.Context, _ *Call, in *command.AuditTailInput) (iter.Seq2[command.Change, error], error) {
	about, err := parseAbout(in.User)
	if err != nil {
		return nil, err
	}
	after, err := s.tailBegin(ctx, about, in.Limit)
	if err != nil {
		return nil, err
	}
	return func(yield func(command.Change, error) bool) {
		left := in.Limit
		err := s.Audit.Audit(ctx, after, func(e directory.Entry) error {
			if !about.in(&e) {
				return nil
			}
			if left--; left < 0 || !yield(about.show(&e, in.Names), nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(command.Change{}, err)
		}
	}, nil
}

// tailBegin returns the revision behind which the last changes about a name
// begin. For all names that is a subtraction: each change has a revision.
func (s *Server) tailBegin(ctx context.Context, about about, limit int) (directory.Revision, error) {
	last := s.Audit.Revision()
	if about == "" {
		return last - min(last, directory.Revision(limit)), nil
	}
	revisions := make([]directory.Revision, limit) // a ring
	n := 0
	err := s.Audit.Audit(ctx, 0, func(e directory.Entry) error {
		if about.in(&e) {
			revisions[n%limit] = e.Revision
			n++
		}
		return nil
	})
	switch {
	case err != nil:
		return 0, err
	case n == 0:
		return last, nil
	case n < limit:
		return revisions[0] - 1, nil
	}
	return revisions[n%limit] - 1, nil
}

func (s *Server) auditShow(ctx context.Context, _ *Call, in *command.AuditShowInput) (*command.Change, error) {
	about, err := parseAbout(in.User)
	if err != nil {
		return nil, err
	}
	wanted, last := directory.Revision(in.Revision), s.Audit.Revision()
	if wanted == 0 || wanted > last {
		return nil, noChange("revision", wanted, last)
	}
	missing := &directory.Error{Code: directory.CodeNotFound, Field: "revision", Detail: fmt.Sprintf("change %d is not in the trail any more", wanted)}
	var shown *command.Change
	err = s.Audit.Audit(ctx, wanted-1, func(e directory.Entry) error {
		if e.Revision == wanted {
			c := about.show(&e, in.Names)
			shown = &c
		} else {
			missing.Detail += fmt.Sprintf(": it begins with %d", e.Revision)
		}
		return errEnough
	})
	switch {
	case err != nil && !errors.Is(err, errEnough):
		return nil, err
	case shown == nil:
		return nil, missing
	}
	return shown, nil
}

func (s *Server) auditVerify(ctx context.Context, c *Call, in *command.AuditVerifyInput) (*command.Verified, error) {
	last := s.Audit.Revision()
	if in.Until > uint64(last) {
		return nil, noChange("until", directory.Revision(in.Until), last)
	}
	v, err := s.Audit.VerifyTo(ctx, cmp.Or(directory.Revision(in.Until), last))
	switch {
	case err == nil:
		return verified(v, last), nil
	case ctx.Err() != nil:
		return nil, err
	case errors.Is(err, journal.ErrPruned):
		return nil, &directory.Error{Code: directory.CodeNotFound, Field: "until", Detail: err.Error()}
	}
	c.reason = err
	return nil, refuse(http.StatusInternalServerError, CodeDamaged, err.Error())
}

// noChange says that there was never such a change.
func noChange(field string, wanted, last directory.Revision) *directory.Error {
	return &directory.Error{Code: directory.CodeNotFound, Field: field, Detail: fmt.Sprintf("there is no change %d; the last is %d", wanted, last)}
}

// verified tells what was found; last is the last change there was when verifying
// began.
func verified(v journal.Verified, last directory.Revision) *command.Verified {
	out := &command.Verified{First: v.First, Last: v.Last, Head: hex.EncodeToString(v.Chain[:]), Begins: "start"}
	out.Later = uint64(last) - min(uint64(last), v.Last)
	if v.First > 0 {
		out.Changes = out.Last - out.First + 1
	}
	switch {
	case v.Anchor.Why == journal.FromStart, v.First != v.Anchor.First: // nothing was pruned, or that was interrupted
	case v.Anchor.Why == journal.Pruned:
		out.Begins, out.Anchor, out.Pruned = "pruned", hex.EncodeToString(v.Anchor.Before[:]), optionalTime(v.Anchor.Made)
	default:
		out.Begins = "anew"
	}
	return out
}

// about is the name that changes are asked for, in internal form; empty: all.
type about string

func parseAbout(text string) (about, error) {
	if text == "" {
		return "", nil
	}
	a, err := parseAddress("user", text)
	return about(a.Internal()), err
}

// in reports whether a change is about the name.
func (a about) in(e *directory.Entry) bool {
	if a == "" {
		return true
	}
	for i := range e.Changes {
		if string(e.Changes[i].Key) == string(a) {
			return true
		}
	}
	return false
}

// show returns a change in JSON, with at most so many of its names.
func (a about) show(e *directory.Entry, names int) command.Change {
	out := command.Change{
		Revision: uint64(e.Revision), Time: e.Time.UTC(), UID: e.Cause.UID, PID: e.Cause.PID, Actor: e.Cause.Actor,
		Command: e.Cause.Command, Request: e.Cause.Request, Reason: e.Cause.Reason, Total: len(e.Changes), Names: []command.ChangedName{},
	}
	for _, c := range e.Changes {
		if len(out.Names) == names {
			break
		}
		if a == "" || string(c.Key) == string(a) {
			out.Names = append(out.Names, changedName(c))
		}
	}
	return out
}

func changedName(c directory.Change) command.ChangedName {
	out := command.ChangedName{Name: nameOf(c.Key), What: "changed", Previous: uint64(c.Previous)}
	switch {
	case c.Value == nil:
		out.What = "deleted"
	case c.Previous == 0:
		out.What = "made"
	}
	var err error
	if out.Fields, err = directory.Audit(c); err != nil {
		out.Fields = json.RawMessage(`{"kind":"unreadable"}`)
	}
	return out
}

// nameOf returns a name as people write it.
func nameOf(key []byte) string {
	if a, err := mailaddr.FromInternal(string(key)); err == nil {
		return a.String()
	}
	return printable(string(key))
}
