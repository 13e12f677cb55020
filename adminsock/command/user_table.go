package command

import "time"

// The inputs of the user commands.
type (
	UserAddInput   struct{ Body UserAddBody }
	UserBatchInput struct {
		Batch struct{} `cli:"file" doc:"a file with one JSON object a line: the fields of a user, and password or password_hash; - is standard input"`
	}
	UserInput struct {
		Address string `path:"address" cli:"arg" complete:"user" doc:"the user's address"`
	}
	UserSetInput struct {
		UserInput
		Match
		Body UserSetBody
	}
	UserSetBody struct {
		Revision uint64 `json:"revision,omitempty" cli:"flag" doc:"refuse when it was changed since this revision"`
		UserFields
	}
	UserPasswdInput struct {
		UserInput
		Match
		Body Password
	}
	UserChangeInput struct {
		UserInput
		Match
		Revision uint64 `query:"revision" cli:"flag" doc:"refuse when it was changed since this revision"`
	}
)

// Created is what making many users answers.
type Created struct {
	Created  int    `json:"created" doc:"how many users were added"`
	Revision uint64 `json:"revision" doc:"of the change"`
}

// PasswordSet is what setting a password answers.
type PasswordSet struct {
	Address  string `json:"address"`
	Revision uint64 `json:"revision"`
	Password string `json:"password,omitempty" doc:"the password that was made, when random was asked for; it is shown once"`
}

// The user commands.
var (
	UserAdd = op[UserAddInput, NewUser](Spec{
		Name: "user add", Summary: "add a user", Example: "alice@example.test --quota 2G --random",
		Detail: "The password comes from standard input (--password-stdin, or a hash with --password-hash-stdin), is made and printed once (--random), " +
			"or there is none (--no-password). On a terminal it is asked for twice. When --random is given with another source, --random wins.",
		Method: "POST", Path: "/v1/users", Permission: WriteUsers, Object: "address", Write: true, Or: "user batch",
		Done: "user {address} added",
	})
	UserBatch = op[UserBatchInput, Created](Spec{
		Name: "user batch", Summary: "add many users, all or none", Example: "",
		Detail: "All lines are checked before anything is changed, and the error names the line. Hashes are better than passwords in clear: hashing one takes some 25 ms. " +
			"When the connection breaks off after everything was sent, any one user of the file tells whether all of them were added or none.",
		Method: "POST", Path: "/v1/users/batch", Permission: WriteUsers, Write: true, Stream: true, Media: mediaLines,
		Done: "{created} users added",
	})
	UserList = op[ListInput, User](Spec{
		Name: "user list", Summary: "list users, by domain and address", Example: "--domain example.test",
		Method: "GET", Path: "/v1/users", Permission: ReadUsers, List: true,
	})
	UserShow = op[UserInput, User](Spec{
		Name: "user show", Summary: "show a user", Example: "alice@example.test",
		Method: "GET", Path: "/v1/users/{address}", Permission: ReadUsers, Object: "address",
	})
	UserSet = op[UserSetInput, User](Spec{
		Name: "user set", Summary: "change a user", Example: "alice@example.test quota=5G forward=bob@example.test keep-copy=yes",
		Detail: "Lists are separated by commas; an empty value clears. The address itself cannot be changed: make a new user and move the mail.",
		Method: "PATCH", Path: "/v1/users/{address}", Permission: WriteUsers, Object: "address", Write: true, Assign: true,
		Done: "user {address} changed",
	})
	UserPasswd = op[UserPasswdInput, PasswordSet](Spec{
		Name: "user passwd", Summary: "set a user's password", Example: "alice@example.test --random",
		Method: "PUT", Path: "/v1/users/{address}/password", Permission: WritePasswords, Object: "address", Write: true,
		Done: "password of {address} set",
	})

	UserEnable = state(Spec{Name: "user enable", Summary: "make a disabled, suspended or frozen user active again", Done: "user {address} enabled",
		Detail: "The switches are what they were before."})
	UserDisable = state(Spec{Name: "user disable", Summary: "no login, no submission, mail is refused", Done: "user {address} disabled"})
	UserSuspend = state(Spec{Name: "user suspend", Summary: "no login, no submission, mail is stored", Done: "user {address} suspended"})
	UserFreeze  = state(Spec{Name: "user freeze", Summary: "no login, no submission, mail is deferred", Done: "user {address} frozen"})
	UserArchive = state(Spec{Name: "user archive", Summary: "disable a user who only waits to be restored or deleted", Done: "user {address} archived"})
	UserRestore = state(Spec{Name: "user restore", Summary: "make an archived user active again", Done: "user {address} restored"})

	UserDelete = op[UserChangeInput, Gone](Spec{
		Name: "user delete", Summary: "delete a user who is disabled or archived", Example: "alice@example.test --yes",
		Detail: "The mail itself is left to Dovecot.",
		Method: "DELETE", Path: "/v1/users/{address}", Permission: WriteUsers, Object: "address", Write: true, Confirm: "cannot be undone",
		Done: "user {address} deleted",
	})
)

// state returns one of the commands that set a user's state: they differ in
// nothing but words.
func state(s Spec) Op[UserChangeInput, User] {
	verb := s.Name[len("user "):]
	s.Example = "alice@example.test"
	s.Method, s.Path = "POST", "/v1/users/{address}/"+verb
	s.Permission, s.Object, s.Write = WriteUsers, "address", true
	return op[UserChangeInput, User](s)
}

// The inputs and outputs of one-time and app passwords.
type (
	UserOTPInput struct {
		UserInput
		Body UserOTPBody
	}
	UserOTPBody struct {
		TTL       string `json:"ttl,omitempty" cli:"flag" doc:"how long it is good for: 5m, 2h; 5 minutes when left out"`
		SingleUse bool   `json:"single_use,omitempty" cli:"flag" doc:"gone after the first login"`
	}
	AppPasswordAddInput struct {
		UserInput
		Body AppPasswordBody
	}
	AppPasswordBody struct {
		Label    string   `json:"label" cli:"arg" doc:"what it is for, such as a device"`
		Services []string `json:"services,omitempty" cli:"flag" values:"all,imap,pop3,smtp,sieve" doc:"where it is taken: imap, pop3, smtp, sieve; all when left out"`
		TTL      string   `json:"ttl,omitempty" cli:"flag" doc:"how long it is good for: 12h, 90d; for ever when left out"`
	}
	AppPasswordInput struct {
		UserInput
		Label string `path:"label" cli:"arg" doc:"its label"`
	}
)

// AppPassword is an app password without its secret.
type AppPassword struct {
	Label    string     `json:"label"`
	Services []string   `json:"services" nullable:"false"`
	Expires  *time.Time `json:"expires" doc:"null: never"`
}

// NewCredential is what making a one-time or app password answers.
type NewCredential struct {
	Address   string     `json:"address"`
	Label     string     `json:"label,omitempty"`
	Password  string     `json:"password" doc:"it is shown once"`
	Services  []string   `json:"services" nullable:"false"`
	SingleUse bool       `json:"single_use"`
	Expires   *time.Time `json:"expires" doc:"null: never"`
	Revision  uint64     `json:"revision"`
}

// One-time and app passwords.
var (
	UserOTP = op[UserOTPInput, NewCredential](Spec{
		Name: "user otp", Summary: "make a one-time password and print it", Example: "alice@example.test --ttl 5m --single-use",
		Method: "POST", Path: "/v1/users/{address}/otp", Permission: WritePasswords, Object: "address", Write: true,
		Done: "one-time password for {address} made",
	})
	AppPasswordAdd = op[AppPasswordAddInput, NewCredential](Spec{
		Name: "user app-password add", Summary: "make a password for one device or program and print it", Example: "alice@example.test phone --services imap,smtp",
		Method: "POST", Path: "/v1/users/{address}/app-passwords", Permission: WritePasswords, Object: "address", Write: true,
		Done: "app password {label} for {address} made",
	})
	AppPasswordList = op[UserInput, AppPassword](Spec{
		Name: "user app-password list", Summary: "list a user's app passwords", Example: "alice@example.test",
		Method: "GET", Path: "/v1/users/{address}/app-passwords", Permission: ReadUsers, Object: "address", List: true,
	})
	AppPasswordRevoke = op[AppPasswordInput, Gone](Spec{
		Name: "user app-password revoke", Summary: "delete an app password", Example: "alice@example.test phone",
		Method: "DELETE", Path: "/v1/users/{address}/app-passwords/{label}", Permission: WritePasswords, Object: "address", Write: true,
		Done: "app password {label} of {address} revoked",
	})
)
