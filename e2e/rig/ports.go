package rig

import "net"

// freePorts asks the system for loopback ports, all open at once so that they differ.
func freePorts() (Ports, error) {
	var p Ports
	for _, port := range []*int{&p.MX, &p.Submission, &p.Submissions, &p.IMAP, &p.IMAPS, &p.POP3, &p.LMTP, &p.Metrics} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return p, err
		}
		defer l.Close()
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return p, nil
}
