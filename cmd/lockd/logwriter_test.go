package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestALogThatNobodyReadsHoldsNobodyUp(t *testing.T) {
	reader, pipe := io.Pipe()
	w := newLogWriter(pipe)
	const lines = 4 * maxLogLines
	for n := range lines {
		fmt.Fprintf(w, "line %d\n", n) // would wait for ever
	}
	read := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(reader)
		read <- string(text)
	}()
	w.close(time.Minute)
	_ = pipe.Close()
	text := <-read
	if !strings.HasPrefix(text, "line 0\n") || !strings.Contains(text, "log lines were dropped") {
		t.Errorf("%.100s … %s", text, text[max(0, len(text)-100):])
	}
	// One load of lines is being written while the next one waits.
	if written := strings.Count(text, "\nline") + 1; written < maxLogLines || written > 2*maxLogLines {
		t.Errorf("%d lines were kept, the bound being %d twice", written, maxLogLines)
	}
}

func TestAnEndWaitsOnlySoLongForTheLog(t *testing.T) {
	reader, pipe := io.Pipe()
	w := newLogWriter(pipe)
	fmt.Fprintln(w, "unread")
	began := time.Now()
	w.close(time.Millisecond)
	if waited := time.Since(began); waited > time.Minute {
		t.Error(waited)
	}
	_ = reader.Close()
	<-w.ended
}

func TestTheLogIsWrittenInOrderUntilTheEnd(t *testing.T) {
	var out bytes.Buffer
	w := newLogWriter(&out)
	fmt.Fprintln(w, "one")
	fmt.Fprintln(w, "two")
	w.close(time.Minute)
	if out.String() != "one\ntwo\n" {
		t.Errorf("%q", &out)
	}
	fmt.Fprintln(w, "after the end")
	if out.String() != "one\ntwo\n" {
		t.Errorf("%q", &out)
	}
}
