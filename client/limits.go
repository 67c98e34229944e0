package client

import (
	"time"

	"lockd/api"
)

// Every bound of the package stands here.
const (
	// DefaultTTL is a session's TTL unless Config.TTL or the TTL option says
	// otherwise: how long the cluster waits for a silent client.
	DefaultTTL = 15 * time.Second
	// minTTL and maxTTL are the server's bounds.
	minTTL = time.Second
	maxTTL = 24 * time.Hour

	// Margins: a guard is cancelled so long before its lease can end. It pays
	// for clocks that run at different rates and for the holder's own stopping.
	minMargin = 100 * time.Millisecond
	maxMargin = 2 * time.Second

	// DefaultPoll is how long one HTTP answer to a waiting acquire is held. A
	// node that freezes while it holds one is noticed that much later.
	DefaultPoll = 10 * time.Second
	// maxWait is the longest wait that the server takes in one request.
	maxWait = 24 * time.Hour

	// attemptTime bounds one attempt at one node, beside what the call asks the
	// server to wait.
	attemptTime = 5 * time.Second
	// signTime bounds the first attempts of a call, one for each node, in the place
	// of attemptTime: a node that hangs is passed by soon, and one that merely knows
	// no leader, or a cluster that is slow, still has its say. It bounds the sign of
	// life that is asked of a node before a command that cannot be repeated, too.
	signTime = 2500 * time.Millisecond
	// lifeTime is how long after an answer a node is taken to live.
	lifeTime = 5 * time.Second
	// decisionTime is how long a node may take to decide one command; an attempt
	// that cannot be repeated waits for that, too.
	decisionTime = 15 * time.Second
	// eventSilence is how long an event stream may be without a sign of life.
	eventSilence = 30 * time.Second
	// minKeepaliveTime bounds from below one attempt of a keepalive, which else
	// is a quarter of the TTL.
	minKeepaliveTime = 250 * time.Millisecond
	// closeTime bounds what is done for a session that is no longer used.
	closeTime = 5 * time.Second
	// leaseTick and minLeaseTick bound how late a clock that jumped (a suspended
	// machine) is noticed.
	leaseTick    = 250 * time.Millisecond
	minLeaseTick = 10 * time.Millisecond

	// minBackoff, doubled by every failure in a row, and maxBackoff bound how
	// long a node that failed is left alone.
	minBackoff = 25 * time.Millisecond
	maxBackoff = 2 * time.Second
	// maxResumePause bounds the pause before a wait is resumed that a node has cut
	// short.
	maxResumePause = 200 * time.Millisecond
	// maxRetryAfter bounds the Retry-After that is honoured.
	maxRetryAfter = 30 * time.Second

	// dialTime and handshakeTime bound the making of a connection.
	dialTime      = 2 * time.Second
	handshakeTime = 3 * time.Second
	// idleConnections is how many idle connections are kept to one node, and
	// idleTime how long.
	idleConnections = 512
	idleTime        = 90 * time.Second

	// maxMessageBytes and maxMessageRequests bound one message that is sent over a
	// stream, one request more or less; a node takes twice that.
	maxMessageBytes    = api.MaxStreamBytes / 2
	maxMessageRequests = api.MaxStreamInFlight / 2
	// usualBodyBytes and usualAnswerBytes are how long most requests are at most, and
	// answers of a stream at least.
	usualBodyBytes   = 256
	usualAnswerBytes = 64
	// pingTime is how often a stream's node is asked for a sign of life, and how
	// long it may take to give one; silenceTime and pongTime are the same while
	// requests wait for their first answer and nothing comes, and streamTick is how
	// often that is looked at.
	pingTime    = 5 * time.Second
	silenceTime = time.Second
	pongTime    = 2 * time.Second
	streamTick  = 500 * time.Millisecond
	// plainTime is how long a node is spoken to by HTTP after a stream was refused.
	plainTime = time.Minute

	// maxAnswerBytes bounds one answer; maxEventBytes one line of an event.
	maxAnswerBytes = 64 << 20
	maxEventBytes  = 1 << 20
	// maxTokenFileBytes bounds LOCKD_TOKEN_FILE.
	maxTokenFileBytes = 64 << 10

	// maxDone bounds the seqs that one command names as seen.
	maxDone = 1000
	// maxFrames is how much of the stack of a Lock call is kept.
	maxFrames = 16
	// maxNameBytes bounds a client's name and host.
	maxNameBytes = 256
	// maxRunPrefix bounds what a generated run id takes of the client's name.
	maxRunPrefix = 64
)
