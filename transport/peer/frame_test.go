package peer

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

func TestFramesAreReadAsTheyWereWritten(t *testing.T) {
	written := []frame{
		{kind: frameRequest, app: 200, id: 1, payload: []byte("acquire")},
		{kind: framePing},
		{kind: frameFinal, id: 1<<64 - 1, payload: bytes.Repeat([]byte("x"), readBufferBytes*2)},
		{kind: frameRequest, app: 0, id: 2},
	}
	var b []byte
	for _, f := range written {
		b = appendFrame(b, f.kind, f.app, f.id, f.payload)
	}
	r := bufio.NewReader(bytes.NewReader(b))
	for _, want := range written {
		got, err := readFrame(r)
		if err != nil {
			t.Fatal(err)
		}
		if got.kind != want.kind || got.app != want.app || got.id != want.id || !bytes.Equal(got.payload, want.payload) {
			t.Fatalf("got %d/%d/%d with %d bytes, want %d/%d/%d with %d bytes",
				got.kind, got.app, got.id, len(got.payload), want.kind, want.app, want.id, len(want.payload))
		}
	}
	if _, err := readFrame(r); err != io.EOF {
		t.Fatalf("after the last frame: %v, want io.EOF", err)
	}
}

func TestFramesThatNoPeerSendsAreErrors(t *testing.T) {
	header := func(length uint32, kind frameType) []byte {
		b := binary.BigEndian.AppendUint32(nil, length)
		return append(append(b, byte(kind)), make([]byte, headerBytes-5)...)
	}
	for _, c := range []struct {
		name  string
		bytes []byte
		want  error
	}{
		{"no type", header(0, 0), ErrProtocol},
		{"unknown type", header(0, frameTypes), ErrProtocol},
		{"request too large", header(MaxPayloadBytes+1, frameRequest), ErrTooLarge},
		{"answer too large", header(1<<32-1, frameAnswer), ErrTooLarge},
		{"ping with payload", header(1, framePing), ErrTooLarge},
		{"cancel with payload", header(1, frameCancel), ErrTooLarge},
		{"failure too large", header(maxFailureBytes+1, frameFailure), ErrTooLarge},
		{"cut in the header", header(0, framePing)[:5], io.ErrUnexpectedEOF},
		{"cut in the payload", append(header(5, frameFinal), "four"...), io.ErrUnexpectedEOF},
		{"cut before the payload", header(5, frameFinal), io.ErrUnexpectedEOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readFrame(bufio.NewReader(bytes.NewReader(c.bytes)))
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
}

// Whatever arrives, the decoder ends, stays within its limits, and what it
// takes for frames encodes back to the bytes that were read.
func FuzzReadFrame(f *testing.F) {
	f.Add(appendFrame(nil, frameRequest, 3, 7, []byte("payload")))
	f.Add(appendFrame(appendFrame(nil, framePing, 0, 0, nil), frameFinal, 0, 9, nil))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: lockd\r\n\r\n"))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bufio.NewReader(bytes.NewReader(b))
		var again []byte
		for {
			got, err := readFrame(r)
			if err != nil {
				break
			}
			if len(got.payload) > int(got.kind.maxPayload()) {
				t.Fatalf("%d bytes in a frame of type %d", len(got.payload), got.kind)
			}
			again = appendFrame(again, got.kind, got.app, got.id, got.payload)
		}
		if !bytes.HasPrefix(b, again) {
			t.Fatalf("read %x, which encodes to %x", b, again)
		}
	})
}

func FuzzHandshake(f *testing.F) {
	f.Add((&hello{version: 1, purpose: purposeLink, cluster: "blue", name: "n1"}).append(nil))
	f.Add((&reply{version: 1, status: statusOtherCluster, cluster: "blue", name: "n1", text: "no"}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := readHello(bytes.NewReader(b)); err == nil && !bytes.HasPrefix(b, h.append(nil)) {
			t.Fatalf("read %x as %+v", b, h)
		}
		if a, err := readReply(bytes.NewReader(b)); err == nil && !bytes.HasPrefix(b, a.append(nil)) {
			t.Fatalf("read %x as %+v", b, a)
		}
	})
}
