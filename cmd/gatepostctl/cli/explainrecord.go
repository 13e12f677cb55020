package cli

import "github.com/gatepost/gatepost/adminsock/command"

// explanationRecord shows what was read, what each rule said, and what came of
// it, in the order in which it happened.
func explanationRecord(e command.Explanation) []pair {
	var pairs []pair
	for _, s := range e.Read {
		pairs = append(pairs, pair{s.Subject + ":", ""})
		for _, f := range s.Facts {
			pairs = append(pairs, pair{"  " + f.Name, f.Value})
		}
	}
	if len(e.Rules) > 0 {
		pairs = append(pairs, pair{"rules:", ""})
	}
	decided := false
	for _, r := range e.Rules {
		pairs = append(pairs, pair{"  " + r.Rule, stepWords(r, decided)})
		decided = decided || r.Decides
	}
	return append(pairs, pair{"result", orNone(e.Result)}, pair{"rule", e.Rule}, pair{"answer", e.Answer})
}

// stepWords says what a rule had to say; decided: one before it decided.
func stepWords(r command.RuleStep, decided bool) string {
	switch {
	case decided:
		return "not asked: decided"
	case r.Mode == "off":
		return "off"
	case !r.Asked:
		return "not asked at this stage"
	case !r.Applies:
		return "does not apply"
	case r.Decides:
		return "decides: " + r.Says
	case r.Mode == "enforce": // a login that does not come as far
		return "applies: " + r.Says
	}
	return r.Mode + ": would say " + r.Says
}
