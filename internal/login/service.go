package login

import "github.com/gatepost/gatepost/internal/directory"

// Service is what a client wants to use. The numbers are dense, for metrics.
type Service uint8

// The services.
const (
	UnknownService Service = iota // a name that is not known here: never let in
	IMAP
	POP3
	SMTP
	Sieve
	Doveadm // an administrator's "doveadm auth test": the password counts, no service is asked for
	serviceEnd
)

var services = [serviceEnd]struct {
	name string
	bit  directory.Services // what the user must have
}{
	{"unknown", 0}, {"imap", directory.IMAP}, {"pop3", directory.POP3}, {"smtp", directory.SMTP}, {"sieve", directory.Sieve}, {"doveadm", 0},
}

// Services lists every service.
func Services() []Service { return all(serviceEnd) }

// String returns the service's name, which is also its metrics label.
func (s Service) String() string { return services[s].name }

// ParseService reads the name that Postfix and Dovecot send.
func ParseService(name []byte) Service {
	switch string(name) {
	case "imap":
		return IMAP
	case "pop3":
		return POP3
	case "smtp", "submission":
		return SMTP
	case "sieve", "managesieve":
		return Sieve
	case "doveadm":
		return Doveadm
	}
	return UnknownService
}

// Mechanism is the SASL mechanism of an attempt. The numbers are dense, for
// metrics.
type Mechanism uint8

// The mechanisms.
const (
	Plain Mechanism = iota // RFC 4616
	Login                  // draft-murchison-sasl-login
	mechanismEnd
)

// Mechanisms lists every mechanism.
func Mechanisms() []Mechanism { return all(mechanismEnd) }

// String returns the mechanism's SASL name.
func (m Mechanism) String() string { return [mechanismEnd]string{"PLAIN", "LOGIN"}[m] }

// Result is the kind of an outcome. The numbers are dense, for metrics. The
// zero Result lets nobody in.
type Result uint8

// The results.
const (
	Temporary Result = iota // nothing is known about the secret; try again later
	Refused                 // not a user and their password; nobody is told which
	Denied                  // the right secret, but a rule forbids it
	OK                      //
	resultEnd
)

// Results lists every result.
func Results() []Result { return all(resultEnd) }

// String returns the result's name, which is also its metrics label.
func (r Result) String() string {
	return [resultEnd]string{"temporary", "refused", "denied", "ok"}[r]
}

func all[T ~uint8](end T) []T {
	list := make([]T, end)
	for i := range list {
		list[i] = T(i)
	}
	return list
}
