package process

import (
	"runtime"
	"testing"
	"time"
)

func TestWhatIsStartedHasTheUsualSlack(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := slack()
	if before == 0 {
		t.Skip("the kernel does not tell a thread its slack: run where prctl(PR_GET_TIMERSLACK) is allowed")
	}
	if err := setSlack(int(timerSlack)); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := setSlack(before); err != nil {
			t.Error(err)
		}
	}()
	p := shell(t, "cat /proc/$$/timerslack_ns")
	select {
	case <-p.Ended():
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on")
	}
	if got := p.LastWords(); got != "50000" {
		t.Errorf("it has %s ns, not 50000", got)
	}
	if got := slack(); got != int(timerSlack) {
		t.Errorf("the thread that started it has %d ns now", got)
	}
}
