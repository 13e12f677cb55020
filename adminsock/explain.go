package adminsock

import (
	"context"
	"strconv"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/policy"
)

func (s *Server) bindExplain() {
	bind(s, command.ExplainRcpt, s.explainRcpt)
	bind(s, command.ExplainLogin, s.explainLogin)
	bindList(s, command.Rules, s.rules)
}

// explainRcpt asks the rules as the policy door does, but reserves nothing.
func (s *Server) explainRcpt(_ context.Context, _ *Call, in *command.ExplainRcptInput) (*command.Explanation, error) {
	view, facts := s.Directory.View(), &policy.Facts{}
	q := &policy.Request{
		Stage: policy.AtRecipient, Now: s.Now(), Size: in.Size,
		Login: []byte(in.Login), Sender: senderOf(view, in), Recipients: [][]byte{[]byte(in.Recipient)},
	}
	if in.EndOfMessage {
		q.Stage = policy.AtEndOfMessage
	}
	out := &command.Explanation{Rule: policy.NoRule.String(), Rules: []command.RuleStep{}}
	out.Read = append([]command.Subject{questionOf(q)}, s.parties(view, q)...)
	if err := policy.Gather(view, s.Ledger, q, facts); err != nil {
		d := policy.Failed()
		out.Result, out.Answer = d.Action.String(), d.Reply.String()
		out.Read = append(out.Read, subject("trouble", "reason", err.Error()))
		return out, nil
	}
	out.Read = append(out.Read, seen(facts))
	steps, d := policy.Explain(facts, s.Modes())
	out.Rule, out.Result, out.Answer = d.Rule.String(), d.Action.String(), d.Reply.String()
	for _, step := range steps {
		out.Rules = append(out.Rules, ruleStep(step))
	}
	return out, nil
}

// senderOf returns MAIL FROM: what was given, else the address of who has logged
// in, as mail programs send it.
func senderOf(v directory.View, in *command.ExplainRcptInput) []byte {
	switch in.Sender {
	case "<>":
		return nil
	case "":
		key, _, err := mailaddr.AppendLoginKey(nil, []byte(in.Login))
		if err != nil {
			return []byte(in.Login)
		}
		if u := v.Login(key); u.Exists() {
			return u.Address()
		}
		return []byte(in.Login)
	}
	return []byte(in.Sender)
}

func ruleStep(s policy.Step) command.RuleStep {
	out := command.RuleStep{Rule: s.Rule.String(), Mode: s.Mode.String(), Asked: s.Asked, Decides: s.Decides}
	if s.Says != policy.Dunno {
		out.Applies, out.Says = true, s.Says.String()
	}
	return out
}

// subject makes a subject of names and values.
func subject(about string, pairs ...string) command.Subject {
	out := command.Subject{Subject: about, Facts: []command.Fact{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		out.Facts = append(out.Facts, command.Fact{Name: pairs[i], Value: pairs[i+1]})
	}
	return out
}

func questionOf(q *policy.Request) command.Subject {
	login := "none: the client has not logged in"
	if len(q.Login) > 0 {
		login = printable(string(q.Login))
	}
	return subject("question", "stage", q.Stage.String(), "login", login, "MAIL FROM", "<"+printable(string(q.Sender))+">",
		"RCPT TO", "<"+printable(string(q.Recipients[0]))+">", "size", strconv.FormatInt(q.Size, 10))
}

// seen is what the rules see: counts and answers, without addresses.
func seen(f *policy.Facts) command.Subject {
	out := subject("what the rules see")
	for fact := range f.List() {
		out.Facts = append(out.Facts, command.Fact{Name: fact.Name, Value: fact.Value})
	}
	for u := range policy.UnknownCount {
		if f.Unknown.Has(u) {
			out.Facts = append(out.Facts, command.Fact{Name: "not known", Value: u.String()})
		}
	}
	return out
}

// parties says who the login and the recipient are, and where the mail goes.
func (s *Server) parties(v directory.View, q *policy.Request) []command.Subject {
	var out []command.Subject
	if len(q.Login) > 0 {
		out = append(out, s.sender(v, q))
	}
	recipient := "recipient " + printable(string(q.Recipients[0]))
	key, _, err := mailaddr.AppendKey(nil, q.Recipients[0])
	if err != nil {
		return append(out, subject(recipient, "is", "no address: "+err.Error()))
	}
	out = append(out, subject(recipient, "is", whose(v, key), "domain", domainWords(v.Domain(key))))
	targets, err := v.Expand(nil, key)
	if err != nil {
		return append(out, subject("its final targets", "trouble", err.Error()))
	}
	for i, t := range targets {
		if i == maxTargets {
			return append(out, subject("more final targets", "count", strconv.Itoa(len(targets)-i)))
		}
		out = append(out, s.target(v, q, t))
	}
	return out
}

// maxTargets is how many final targets are shown one by one.
const maxTargets = 50

// sender says who has logged in, and whose MAIL FROM is.
func (s *Server) sender(v directory.View, q *policy.Request) command.Subject {
	login := "login " + printable(string(q.Login))
	key, _, err := mailaddr.AppendLoginKey(nil, q.Login)
	if err != nil {
		return subject(login, "is", "no name of an account: "+err.Error())
	}
	u := v.Login(key)
	if !u.Exists() {
		return subject(login, "is", "nobody")
	}
	out := subject(login, "is", "user "+nameOf(u.Address()), "MAIL FROM belongs to", owners(v, q.Sender))
	out.Facts = append(out.Facts, userFacts(v, u)...)
	out.Facts = append(out.Facts, s.usageFacts(v, u, q)...)
	return out
}

// target says what becomes of the mail at one final target.
func (s *Server) target(v directory.View, q *policy.Request, t directory.Target) command.Subject {
	name := "final target " + nameOf(t.Address)
	switch {
	case !t.Local:
		return subject(name, "is", "not ours", "standing", policy.StandingOf(v, t).String())
	case !t.User.Exists():
		return subject(name, "is", "nobody, in a domain of ours", "standing", policy.StandingOf(v, t).String())
	}
	out := subject(name, "is", "a user", "standing", policy.StandingOf(v, t).String())
	out.Facts = append(out.Facts, userFacts(v, t.User)...)
	out.Facts = append(out.Facts, s.usageFacts(v, t.User, q)...)
	return out
}
