package lifecycle

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestHowAProcessEnded(t *testing.T) {
	for _, c := range []struct {
		exit  Exit
		says  string
		clean bool
		json  string
	}{
		{Exit{}, "", false, `{"cause":"","text":""}`},
		{Exit{Cause: Exited}, "exit status 0", true, `{"cause":"exited","text":"exit status 0"}`},
		{Exit{Cause: Exited, Status: 3}, "exit status 3", false, `{"cause":"exited","status":3,"text":"exit status 3"}`},
		{Exit{Cause: Exited, Starved: true}, "exit status 0, some of it killed: out of memory", false,
			`{"cause":"exited","starved":true,"text":"exit status 0, some of it killed: out of memory"}`},
		{Exit{Cause: Signalled, Signal: syscall.SIGKILL}, "signal 9 (killed)", false, `{"cause":"signalled","signal":9,"text":"signal 9 (killed)"}`},
		{Exit{Cause: OutOfMemory}, "killed: out of memory", false, `{"cause":"out of memory","text":"killed: out of memory"}`},
		{Exit{Cause: TimedOut, Limit: 30 * time.Second}, "not ready within 30s", false, `{"cause":"timed out","limit":30000000000,"text":"not ready within 30s"}`},
		{Exit{Cause: Unborn, Stage: "exec /bin/web", Errno: syscall.ENOENT}, "exec /bin/web: no such file or directory", false,
			`{"cause":"never born","stage":"exec /bin/web","errno":2,"text":"exec /bin/web: no such file or directory"}`},
	} {
		text, err := json.Marshal(c.exit)
		if err != nil || string(text) != c.json {
			t.Errorf("JSON %s, %v, want %s", text, err, c.json)
		}
		var back Exit
		if err := json.Unmarshal(text, &back); err != nil || back != c.exit {
			t.Errorf("%s is read as %+v, %v", text, back, err)
		}
		if got := c.exit.String(); got != c.says || c.exit.Clean() != c.clean {
			t.Errorf("%q, clean %v, want %q, %v", got, c.exit.Clean(), c.says, c.clean)
		}
	}
}

func TestAServiceOfWhichNothingEndedYetSaysNothingOfIt(t *testing.T) {
	text, err := json.Marshal(struct {
		LastExit Exit `json:",omitzero"`
	}{})
	if err != nil || strings.Contains(string(text), "LastExit") {
		t.Errorf("%s, %v", text, err)
	}
}
