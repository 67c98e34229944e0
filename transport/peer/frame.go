package peer

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// A frameType says what a frame means. Zero is none.
type frameType byte

const (
	frameRequest frameType = 1 + iota // dialling side: a request
	frameAnswer                       // accepting side: an answer, more follow
	frameFinal                        // accepting side: the final answer
	frameFailure                      // accepting side: no answer, the payload says why
	frameCancel                       // dialling side: the answers are no longer wanted
	framePing                         // dialling side
	framePong                         // accepting side, to each ping
	frameTypes                        // how many there are, zero included
)

// headerBytes is the length of a frame's header.
const headerBytes = 4 + 1 + 1 + 8

// A frame is one message of a link. The payload belongs to whoever holds the
// frame; nothing else refers to it.
type frame struct {
	kind    frameType
	app     byte
	id      uint64
	payload []byte
}

// maxPayload is what a frame of the type may carry.
func (t frameType) maxPayload() uint32 {
	switch t {
	case frameRequest, frameAnswer, frameFinal:
		return MaxPayloadBytes
	case frameFailure:
		return maxFailureBytes
	}
	return 0
}

func appendFrame(b []byte, kind frameType, app byte, id uint64, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	b = append(b, byte(kind), app)
	b = binary.BigEndian.AppendUint64(b, id)
	return append(b, payload...)
}

// readFrame reads one frame. It returns io.EOF only between two frames,
// ErrProtocol or ErrTooLarge for a header that no peer sends.
func readFrame(r *bufio.Reader) (frame, error) {
	header, err := r.Peek(headerBytes)
	if err != nil {
		if len(header) > 0 && err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return frame{}, err
	}
	length := binary.BigEndian.Uint32(header)
	f := frame{kind: frameType(header[4]), app: header[5], id: binary.BigEndian.Uint64(header[6:])}
	if f.kind == 0 || f.kind >= frameTypes {
		return frame{}, fmt.Errorf("%w: frame type %d", ErrProtocol, f.kind)
	}
	if length > f.kind.maxPayload() {
		return frame{}, fmt.Errorf("%w: %d bytes in a frame of type %d, %d are allowed",
			ErrTooLarge, length, f.kind, f.kind.maxPayload())
	}
	if _, err := r.Discard(headerBytes); err != nil {
		return frame{}, err
	}
	if length == 0 {
		return f, nil
	}
	f.payload = make([]byte, length)
	if _, err := io.ReadFull(r, f.payload); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return frame{}, err
	}
	return f, nil
}
