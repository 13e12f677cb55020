package traffic

import "math/rand/v2"

// Users are the accounts of a benchmark, numbered from 0. All addresses have
// the same length, so that a request is made by overwriting digits.
type Users struct {
	Count  int
	Active int // only so many of them, spread over all, are asked about; 0: all
}

// usersPerDomain makes a million users a thousand domains.
const usersPerDomain = 1000

const (
	sample       = "u0000000@dom000.test"
	userOffset   = 1 // of the digits in sample
	userDigits   = 7
	domainOffset = 12
	domainDigits = 3
	domainStart  = 9
)

// MaxUsers is how many addresses there are.
const MaxUsers = 1_000_000

// Domains returns how many domains the users have.
func (u Users) Domains() int { return max(1, u.Count/usersPerDomain) }

// Address returns the address of user n.
func (u Users) Address(n int) string {
	b := []byte(sample)
	u.write(b, n)
	return string(b)
}

// Domain returns the name of domain n.
func (u Users) Domain(n int) string { return u.Address(n)[domainStart:] }

// write overwrites a sample address by the address of user n.
func (u Users) write(b []byte, n int) {
	digits(b[userOffset:userOffset+userDigits], n)
	digits(b[domainOffset:domainOffset+domainDigits], n%u.Domains())
}

// pick draws a user.
func (u Users) pick(r *rand.Rand) int {
	if u.Active == 0 || u.Active >= u.Count {
		return r.IntN(u.Count)
	}
	return r.IntN(u.Active) * (u.Count / u.Active)
}

// digits writes n in decimal, with leading zeros.
func digits(b []byte, n int) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
}

func generator(conn int) *rand.Rand { return rand.New(rand.NewPCG(uint64(conn)+1, 20)) }
