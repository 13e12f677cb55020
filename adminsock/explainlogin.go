package adminsock

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/login"
	"github.com/gatepost/gatepost/policy"
)

// commonRefusal is what a wrong password and an unknown name are answered.
const commonRefusal = "the common refusal, as for a wrong password"

// explainLogin asks the rules as the auth door does after the right password.
func (s *Server) explainLogin(_ context.Context, _ *Call, in *command.ExplainLoginInput) (*command.Explanation, error) {
	service := login.IMAP
	if in.Service != "" {
		service = login.ParseService([]byte(in.Service))
	}
	now := s.Now()
	e := login.Explain(s.Directory.View(), login.Question{Service: service, Name: []byte(in.Name), Authzid: []byte(in.Authzid)}, now)
	out := &command.Explanation{
		Rule: policy.NoRule.String(), Result: e.Result.String(), Rules: []command.RuleStep{},
		Read: []command.Subject{subject("question", "name", printable(in.Name), "service", service.String(), "time", now.UTC().Format(time.RFC3339))},
	}
	if in.Authzid != "" {
		out.Read[0].Facts = append(out.Read[0].Facts, command.Fact{Name: "to act as", Value: printable(in.Authzid)})
	}
	switch {
	case e.Result == login.OK:
		out.Answer = "let in as " + nameOf(e.User.Address()) + ", with the right password"
	case e.Result == login.Denied:
		out.Rule, out.Answer = e.Rule.Name, e.Rule.Text+" (with the right password; else "+commonRefusal+")"
	default:
		out.Answer = commonRefusal
	}
	if !e.User.Exists() {
		out.Read = append(out.Read, subject("name "+printable(in.Name), "is", "nobody's"))
		return out, nil
	}
	out.Read = append(out.Read, accountOf(s.Directory.View(), &e), credentialsOf(&e))
	for _, step := range e.Steps {
		out.Rules = append(out.Rules, loginStep(&e, step))
	}
	return out, nil
}

func accountOf(v directory.View, e *login.Explanation) command.Subject {
	out := subject("user "+nameOf(e.User.Address()), "acts as another", strconv.FormatBool(e.Stranger))
	out.Facts = append(out.Facts, userFacts(v, e.User)...)
	return out
}

// credentialsOf says which credentials there are, never what they are.
func credentialsOf(e *login.Explanation) command.Subject {
	out := subject("passwords")
	for _, m := range e.Credentials {
		name := strings.TrimSpace(m.Kind.String() + " " + m.Label)
		words := "compared"
		if !m.Compared {
			words = "not compared: " + m.Why
		}
		words += "; for " + listed(m.Services.List())
		if !m.Expires.IsZero() {
			words += "; until " + m.Expires.UTC().Format(time.RFC3339)
		}
		if m.SingleUse {
			words += "; for one login"
		}
		out.Facts = append(out.Facts, command.Fact{Name: name, Value: words})
	}
	if len(e.Credentials) == 0 {
		out.Facts = append(out.Facts, command.Fact{Name: "none", Value: "nobody can log in"})
	}
	return out
}

func loginStep(e *login.Explanation, s login.Step) command.RuleStep {
	out := command.RuleStep{Rule: s.Rule.Name, Mode: policy.Enforce.String(), Asked: s.Asked, Applies: s.Applies}
	if s.Applies {
		out.Says, out.Decides = s.Rule.Text, s.Rule == e.Rule
	}
	return out
}
