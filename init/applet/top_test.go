package applet

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"bantam/editor/screen"
)

func TestTopSharesAreOfTheTimeBetweenTwoLooks(t *testing.T) {
	at := time.Unix(1e9, 0)
	process := func(pid int, started, cpu time.Duration, rss int64) running {
		return running{pid: pid, name: "p", command: "p", state: "S", started: started, cpu: cpu, rss: rss}
	}
	before := &census{at: at, processors: 2, busy: 10 * time.Second, all: 100 * time.Second, processes: []running{
		process(1, 0, 5*time.Second, 1), process(2, 0, 9*time.Second, 2), process(3, 0, 50*time.Second, 3)}}
	after := &census{at: at.Add(2 * time.Second), processors: 2, busy: 11 * time.Second, all: 104 * time.Second, processes: []running{
		process(1, 0, 6*time.Second, 1), process(2, 0, 9*time.Second, 2), process(3, time.Hour, time.Second, 3), process(4, 0, 0, 9)}}
	got := map[int]float64{}
	for _, u := range shares(before, after) {
		got[u.pid] = u.percent
	}
	// The number 3 is another process than before.
	for pid, want := range map[int]float64{1: 50, 2: 0, 3: 50, 4: 0} {
		if got[pid] != want {
			t.Errorf("process %d: %v %%, want %v", pid, got[pid], want)
		}
	}
	lines := topLines(before, after, byMemory)
	if !strings.Contains(lines[0], "4 processes  processors 2, 25% busy") || !strings.HasPrefix(strings.TrimSpace(lines[3]), "4 ") {
		t.Errorf("got\n%s", strings.Join(lines, "\n"))
	}
	if lines = topLines(before, before, byProcessor); !strings.HasPrefix(strings.TrimSpace(lines[3]), "3 ") { // no time has passed
		t.Errorf("got\n%s", strings.Join(lines, "\n"))
	}
}

func TestTopSendsFewBytes(t *testing.T) {
	size := screen.Terminal{Rows: 24, Cols: 80}
	var lines []string
	for i := range 40 {
		lines = append(lines, strings.Repeat("x", 30)+string(rune('a'+i%26))+strings.Repeat(" y", 40))
	}
	s := screen.New(size)
	first := s.Draw(topPicture(lines, size))
	lines[0] = strings.Replace(lines[0], "xxx", "xyx", 1)
	if again := s.Draw(topPicture(lines, size)); len(again) > 20 || len(first) < 24*70 {
		t.Errorf("the first picture has %d bytes, one that differs by a letter %d", len(first), len(again))
	}
}

func TestTopInBatches(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-b", "-n", "2", "-d", "0.1")
	cmd.Env = append(os.Environ(), "APPLET_TEST_RUN=top")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`(?m)^ *PID USER +STAT +RSS +%CPU +%MEM +TIME COMMAND$`).FindAll(out, -1)); n != 2 {
		t.Errorf("%d tables, want 2:\n%s", n, out)
	}
	if strings.Contains(string(out), "\x1b") {
		t.Error("escapes in a pipe")
	}
}
