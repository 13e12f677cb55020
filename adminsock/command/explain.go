package command

// Explanation tells step by step what a peer would be answered.
type Explanation struct {
	Answer string     `json:"answer" doc:"what the peer is told"`
	Result string     `json:"result" doc:"rcpt: dunno, warn, defer, reject or fail; login: ok, denied or refused, with the right password"`
	Rule   string     `json:"rule" doc:"the rule that decides; none"`
	Read   []Subject  `json:"read" nullable:"false" doc:"what was read, in order"`
	Rules  []RuleStep `json:"rules" nullable:"false" doc:"the rule table, in order"`
}

// Subject is something that was looked at.
type Subject struct {
	Subject string `json:"subject"`
	Facts   []Fact `json:"facts" nullable:"false"`
}

// Fact is one fact in words.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// RuleStep is one rule's part.
type RuleStep struct {
	Rule    string `json:"rule"`
	Mode    string `json:"mode" doc:"enforce, warn, shadow or off"`
	Asked   bool   `json:"asked" doc:"at this stage, in this mode, before another rule decided"`
	Applies bool   `json:"applies"`
	Says    string `json:"says" doc:"what it answers when it applies"`
	Decides bool   `json:"decides"`
}

// Rule is a line of the rule table.
type Rule struct {
	Order    int      `json:"order"`
	Rule     string   `json:"rule"`
	Mode     string   `json:"mode" doc:"enforce, warn, shadow or off"`
	Stages   []string `json:"stages" nullable:"false" doc:"where it is asked: rcpt, end-of-message"`
	Applies  string   `json:"applies" doc:"when it applies"`
	Rejected uint64   `json:"rejected" doc:"requests that it refused since the start"`
	Deferred uint64   `json:"deferred" doc:"requests that it refused for now"`
	Warned   uint64   `json:"warned" doc:"requests that it applied to in mode warn"`
	Shadowed uint64   `json:"shadowed" doc:"requests that it applied to in mode shadow"`
}

// The inputs of explain and rules.
type (
	ExplainRcptInput struct {
		Recipient    string `query:"recipient" cli:"arg" complete:"user" doc:"RCPT TO" required:"true"`
		Login        string `query:"login" cli:"flag" complete:"user" doc:"the name that the client has logged in with; nothing for a client that has not"`
		Sender       string `query:"sender" cli:"flag" doc:"MAIL FROM, <> for none; the address of the login when left out"`
		Size         int64  `query:"size" cli:"flag,size" doc:"how large the mail is announced to be, or is" minimum:"0"`
		EndOfMessage bool   `query:"end_of_message" cli:"flag" doc:"as it is asked at the end of the message, if this is the only recipient"`
	}
	ExplainLoginInput struct {
		Name    string `query:"name" cli:"arg" complete:"user" doc:"what the client gives as its name" required:"true"`
		Service string `query:"service" cli:"flag" values:"imap,pop3,smtp,sieve,doveadm" doc:"the service that it wants; imap when left out"`
		Authzid string `query:"authzid" cli:"flag" complete:"user" doc:"the name that it wants to act as; the same when left out"`
	}
	RulesInput struct{}
)

// Explain and rules.
var (
	ExplainRcpt = op[ExplainRcptInput, Explanation](Spec{
		Name: "explain rcpt", Summary: "show what Postfix would be answered about a mail, and why", Example: "bob@example.test --login alice@example.test --size 5M",
		Detail: "The rules are asked as they would be now, and every fact that they read is shown. Nothing is changed, counted or reserved.",
		Method: "GET", Path: "/v1/explain/rcpt", Permission: ReadUsers, Object: "recipient",
	})
	ExplainLogin = op[ExplainLoginInput, Explanation](Spec{
		Name: "explain login", Summary: "show what a login would be answered, and why", Example: "alice@example.test --service smtp",
		Detail: "No password is asked for or checked: it tells what happens with the right one, and whether there is one.",
		Method: "GET", Path: "/v1/explain/login", Permission: ReadUsers, Object: "name",
	})
	Rules = op[RulesInput, Rule](Spec{
		Name: "rules", Summary: "list the rules about mail in their order, with modes and counts",
		Detail: "The first enforced rule that applies decides. The counts begin with the daemon.",
		Method: "GET", Path: "/v1/rules", Permission: ReadStatus, List: true,
	})
)
