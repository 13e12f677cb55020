package adminsock

import (
	"cmp"
	"context"
	"iter"
	"math"
	"strings"
	"time"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

func (s *Server) bindServer() {
	bindList(s, command.QuotaList, s.quotaList)
	bind(s, command.QuotaShow, s.quotaShow)
	bind(s, command.Status, s.status)
}

func (s *Server) quotaList(ctx context.Context, _ *Call, in *command.ListInput) (iter.Seq2[command.Quota, error], error) {
	f, err := s.listed(in)
	if err != nil {
		return nil, err
	}
	return reading(ctx, s.names(directory.KindUser, f), func(name string) (command.Quota, error) {
		address, err := mailaddr.FromInternal(name)
		if err != nil {
			return command.Quota{}, err
		}
		view := s.Directory.View()
		u := view.Lookup(mailaddr.KeyOf(address)).User()
		if !u.Exists() {
			return command.Quota{}, directory.ErrNotFound
		}
		return s.quota(view, u, address), nil
	}), nil
}

func (s *Server) quotaShow(ctx context.Context, _ *Call, in *command.UserInput) (*command.Quota, error) {
	fields, err := s.readUser(ctx, in.Address)
	if err != nil {
		return nil, err
	}
	view := s.Directory.View()
	u := view.Lookup(mailaddr.KeyOf(fields.Address)).User()
	if !u.Exists() {
		return nil, directory.ErrNotFound
	}
	q := s.quota(view, u, fields.Address)
	return &q, nil
}

// quota says how full a mailbox is; all of it is in memory.
func (s *Server) quota(view directory.View, u directory.User, address mailaddr.Addr) command.Quota {
	q := command.Quota{Address: address.String(), LimitBytes: view.Limit(u)}
	if own, inherit := u.Limit(); !inherit {
		q.QuotaBytes = &own
	}
	q.UsedBytes, q.UsedMessages, q.UsedAt = s.used(u)
	if q.UsedBytes != nil && q.LimitBytes > 0 {
		percent := math.Round(float64(*q.UsedBytes)/float64(q.LimitBytes)*1000) / 10
		q.Percent = &percent
	}
	return q
}

func (s *Server) status(context.Context, *Call, *command.StatusInput) (*command.Server, error) {
	known := s.Status()
	out := &command.Server{
		Version: known.Version, Started: known.Started.UTC(), Revision: uint64(s.Directory.Revision()),
		UptimeSeconds: int64(s.Now().Sub(known.Started) / time.Second),
		LastCommit:    optionalTime(known.LastCommit), Rebuilt: known.Rebuilt, Doors: known.Doors, Work: s.working(), Counts: map[string]int64{},
	}
	if out.Doors == nil {
		out.Doors = []command.Door{}
	}
	if at := known.Snapshot.Written; !at.IsZero() {
		out.Snapshot, out.SnapshotRevision = optionalTime(at), uint64(known.Snapshot.Revision)
	}
	if t := known.Trail; !t.Oldest.IsZero() {
		out.AuditSince, out.AuditFirst = optionalTime(t.Oldest), uint64(t.First)
	}
	out.AuditBytes, out.AuditRetentionDays = known.Trail.Bytes, int64(known.Trail.Retention/(24*time.Hour))
	if err := cmp.Or(s.Directory.Refusing(), known.Refusing); err != nil {
		out.ReadOnly, out.ReadOnlyWhy = true, err.Error()
	}
	view := s.Directory.View()
	for _, kind := range directory.Kinds() {
		out.Counts[strings.ReplaceAll(kind.String(), " ", "_")] = int64(view.Count(kind))
	}
	return out, nil
}
