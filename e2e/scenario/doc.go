// Package scenario reads and runs end-to-end scenarios: small text files that
// say what an administrator and mail clients type, and what must come back.
//
// # Format
//
// The first line is the scenario's sentence. Then, one statement a line:
//
//	# words                   a comment
//	== words                  a heading
//	$ command                 run by sh; it must end with 0
//	< text                      one line of its standard input
//	> text                      one line of its output, in this order; others may stand between
//	exit 1                      it ends with 1 instead
//	until command             the same, asked again until it comes out so
//	connect KIND [as NAME]    a connection: mx, submission, submissions, imap, imaps, pop3, lmtp.
//	                          SMTP is greeted with EHLO, and with STARTTLS on submission
//	connect KIND raw [as NAME]  without that: the greeting is the first reply
//	with NAME                 go on with that connection
//	C: text                   the client sends
//	S: text                   the server answers; a line for each reply
//	S* text                   a line of that reply besides
//	took 500ms                the last reply took that long, and not a second more
//	hang up                   close the connection
//	mailbox ADDRESS           its INBOX holds the mails with these subjects, in any order
//	> subject
//	outside ADDRESS           mail that went out to this address
//	> subject
//	queue is empty            Postfix has nothing left to deliver
//	metric SERIES grew [by N]   since the scenario began
//	log DAEMON holds text     since the scenario began: gatepostd, postfix or dovecot
//	log DAEMON lacks text
//	gatepostd ACTION          stop, kill, start, restart, reload
//	postfix reload
//
// The text after S:, S* and > is how the line must begin, or a regular
// expression between slashes. c:, s:, s* and $- are the same, not shown by a
// demonstration.
//
// Within C:, S: and a command these stand for what they say:
//
//	{plain USER PASSWORD}     the base64 of SASL PLAIN; {plain AUTHZID USER PASSWORD} too
//	{base64 TEXT}
//	{message [SIZE] SUBJECT}  a whole mail and the closing dot; SIZE in octets as END-OF-MESSAGE counts
//
// Commands find gatepostctl, and in their environment what they need to reach
// the rig: GATEPOST_SOCKET, MAIL_CONFIG, DOVECOT_CONF, RIG (its directory),
// MX, SUBMISSION, SUBMISSIONS, IMAP, IMAPS, POP3, LMTP, METRICS (ports).
//
// What takes its time (mailboxes, mail outside, the queue, metrics, logs) is
// asked for until it is there; nothing sleeps.
package scenario
