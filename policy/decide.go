package policy

// Decision is what came of asking the rules.
type Decision struct {
	Rule   RuleID // that decided; of the first in warn mode that applied; or NoRule
	Action Action
	Reply  Reply
	Warned RuleSet // rules in warn mode that applied
	Shadow RuleSet // rules in shadow mode that applied
}

// Decide asks the rules in their order until an enforced one applies. Rules
// behind that one are not asked, so they are in none of the decision's sets.
// m must not be nil; &Modes{} enforces everything.
func Decide(f *Facts, m *Modes) Decision {
	d := Decision{}
	for i := range table {
		r := &table[i]
		reply := m.ask(r, f)
		if reply != Dunno && d.note(r.ID, m.mode[r.ID], reply) {
			break
		}
	}
	return d
}

// ask returns what a rule says: Dunno when it does not apply, or is not asked
// at this stage or at all.
func (m *Modes) ask(r *Rule, f *Facts) Reply {
	if r.Stages&f.Stage == 0 || m.mode[r.ID] == Off {
		return Dunno
	}
	reply := r.applies(f)
	if reply == MailboxFull && m.fullFor != Dunno {
		return m.fullFor
	}
	return reply
}

// note takes a rule that applies into the decision, and reports whether it
// decides.
func (d *Decision) note(id RuleID, mode Mode, reply Reply) bool {
	switch mode {
	case Enforce:
		d.Rule, d.Action, d.Reply = id, reply.Action(), reply
		return true
	case Warn:
		if d.Warned == 0 {
			d.Rule, d.Action = id, Warned
		}
		d.Warned.add(id)
	case Shadow:
		d.Shadow.add(id)
	}
	return false
}

// Failed is the decision when gatepost itself is in trouble.
func Failed() Decision { return Decision{Action: Fail, Reply: TemporaryFailure} }

// RuleSet is a set of rules.
type RuleSet uint16

// Has reports whether a rule is in the set.
func (s RuleSet) Has(id RuleID) bool { return s&(1<<id) != 0 }

func (s *RuleSet) add(id RuleID) { *s |= 1 << id }

// Step is one rule's part in an evaluation.
type Step struct {
	Rule    RuleID
	Mode    Mode
	Asked   bool  // at this stage, in this mode, before another rule decided
	Says    Reply // Dunno: does not apply
	Decides bool
}

// Explain tells Decide's evaluation step by step, one Step for each rule, and
// what came of it.
func Explain(f *Facts, m *Modes) ([]Step, Decision) {
	d := Decision{}
	steps := make([]Step, 0, len(table))
	decided := false
	for i := range table {
		r := &table[i]
		s := Step{Rule: r.ID, Mode: m.mode[r.ID]}
		if !decided {
			s.Asked = r.Stages&f.Stage != 0 && s.Mode != Off
			s.Says = m.ask(r, f)
			decided = s.Says != Dunno && d.note(r.ID, s.Mode, s.Says)
			s.Decides = decided
		}
		steps = append(steps, s)
	}
	return steps, d
}
