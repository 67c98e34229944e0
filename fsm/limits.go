package fsm

// Every bound of the codec and of the snapshot file stands here. The bounds of
// what a command may ask for are those of package gate.
const (
	// sharedTextBytes bounds the messages whose strings are decoded into one
	// allocation. Whoever keeps one string of such a message keeps the text of
	// all of it alive, which for longer messages would be out of proportion.
	sharedTextBytes = 1024

	// maxSpareNames bounds the names of an operation whose memory is kept for the
	// next one.
	maxSpareNames = 8

	// blockBytes is the size at which a block of a snapshot is closed: large
	// enough that system calls and checksums do not count, small enough that
	// writing and restoring need no memory to speak of.
	blockBytes = 64 << 10
	// maxBlockBytes bounds a block. The largest record is the stored answer of
	// a deadlock whose cycle has gate.MaxWalk runs: below 14 MB. A refusal that
	// lists gate.MaxListed holds, each with every text at its bound, takes 2 MB.
	maxBlockBytes = 16 << 20
	// readAheadBytes is how much of a snapshot is read at once. A block's
	// buffer grows by as much, so that a false length costs no memory.
	readAheadBytes = 64 << 10
	// maxClients bounds the distinct clients that a restore remembers so that
	// holds of the same client share one copy.
	maxClients = 64 << 10
)
