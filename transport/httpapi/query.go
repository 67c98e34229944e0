package httpapi

import (
	"encoding/binary"

	"lockd/gate"
)

// queryOp says what a query asks. The numbers go between nodes, which may run
// different versions: never reuse one.
type queryOp byte

const (
	askName     queryOp = 1
	askNames    queryOp = 2
	askRun      queryOp = 3
	askSession  queryOp = 4
	askSessions queryOp = 5
	askCheck    queryOp = 6
	askReady    queryOp = 7
	askHistory  queryOp = 8
)

// query is a read of the lock table, as one node asks it of another. Which
// fields count depends on op; all are encoded.
type query struct {
	op   queryOp
	kind gate.Kind
	// text is a name, a run id or a prefix.
	text  string
	after string
	max   uint64
	// number is a session's number, or a token.
	number uint64
	nonce  uint64
}

// encode returns the query's bytes: op, kind, texts with their lengths, numbers.
func (q query) encode() []byte {
	b := make([]byte, 0, 32+len(q.text)+len(q.after))
	b = append(b, byte(q.op), byte(q.kind))
	b = append(binary.AppendUvarint(b, uint64(len(q.text))), q.text...)
	b = append(binary.AppendUvarint(b, uint64(len(q.after))), q.after...)
	b = binary.AppendUvarint(b, q.max)
	b = binary.AppendUvarint(b, q.number)
	return binary.AppendUvarint(b, q.nonce)
}

// decodeQuery is the inverse of encode. Bytes after the last known field are
// those of a newer version, and ignored.
func decodeQuery(b []byte) (q query, ok bool) {
	if len(b) < 2 {
		return query{}, false
	}
	q.op, q.kind = queryOp(b[0]), gate.Kind(b[1])
	b = b[2:]
	for _, text := range []*string{&q.text, &q.after} {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return query{}, false
		}
		*text = string(b[size : size+int(n)])
		b = b[size+int(n):]
	}
	for _, number := range []*uint64{&q.max, &q.number, &q.nonce} {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return query{}, false
		}
		*number = n
		b = b[size:]
	}
	return q, true
}
