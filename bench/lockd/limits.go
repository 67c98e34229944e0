package lockd

import "time"

const (
	// nodes is the size of the cluster; portsPerNode are for clients and peers.
	nodes        = 3
	portsPerNode = 2

	// probeTime bounds one question whether a node is ready or leads.
	probeTime = 3 * time.Second

	// patience bounds how long one call is repeated before it fails.
	patience = 30 * time.Second
	// firstPause and longestPause bound the pause before a call is repeated;
	// it doubles each time.
	firstPause   = 2 * time.Millisecond
	longestPause = 100 * time.Millisecond
	// lineTime is the wait that Lock asks for, and poll how long one answer to
	// it may be held back.
	lineTime = 10 * time.Minute
	poll     = 20 * time.Second
	// answerTime bounds the wait for the head of any answer.
	answerTime = 60 * time.Second
	// maxAnswerBytes bounds an answer.
	maxAnswerBytes = 1 << 20
	// maxMessageBytes bounds the answers that come together over a stream.
	maxMessageBytes = 4 << 20

	// renewalsPerTTL is how often a session is renewed within its TTL.
	renewalsPerTTL = 3

	// openers is how many sessions of a crowd are opened at a time.
	openers = 64
	// maxRenewed is how many sessions one keepalive names.
	maxRenewed = 1000
)
