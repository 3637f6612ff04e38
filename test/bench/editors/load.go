package editors

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Load is what opening a file costs.
type Load struct {
	Screen float64 `json:"screen_ms"` // from exec to the last byte of the first screen
	CPU    float64 `json:"cpu_ms"`    // of the process by then
	RSS    int     `json:"rss_kb"`    // VmRSS when the screen has rested for a second
	Anon   int     `json:"anon_kb"`   // RssAnon: what is not a page of a file
}

// MeasureLoad opens file, which begins like system.toml, a few times; times are the best.
func MeasureLoad(ctx context.Context, e Editor, file string, t Terminal, runs int) (best Load, err error) {
	for i := range runs {
		l, err := load(ctx, e, file, t, i == runs-1)
		if err != nil {
			return best, err
		}
		if i > 0 {
			l.Screen, l.CPU = min(l.Screen, best.Screen), min(l.CPU, best.CPU)
		}
		best = l
	}
	return best, nil
}

// load opens file once; memory is only measured if last.
func load(ctx context.Context, e Editor, file string, t Terminal, last bool) (l Load, err error) {
	s, err := start(ctx, e, file, t, 0)
	if err != nil {
		return l, err
	}
	defer s.close()
	screen, err := s.opened(firstWords)
	if err != nil {
		return l, err
	}
	pid := s.cmd.Process.Pid
	cpu, err := cpuTime(pid)
	if err != nil {
		return l, err
	}
	l.Screen, l.CPU = milliseconds(screen), milliseconds(cpu)
	if !last {
		return l, nil
	}
	s.settle()
	if l.RSS, err = statusKB(pid, "VmRSS"); err == nil {
		l.Anon, err = statusKB(pid, "RssAnon")
	}
	return l, err
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// cpuTime is what all threads of a process have used, by the clock that
// clock_getcpuclockid(3) names.
func cpuTime(pid int) (time.Duration, error) {
	const sched = 2 // CPUCLOCK_SCHED: nanoseconds
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &ts); err != nil {
		return 0, fmt.Errorf("clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// statusKB is a line of /proc/PID/status.
func statusKB(pid int, key string) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			return strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		}
	}
	return 0, fmt.Errorf("/proc/%d/status: no %s", pid, key)
}

// writeLarge makes a file of size bytes or a little more: system.toml again and again.
func writeLarge(name string, size int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	for n := 0; n < size; n += len(original) {
		w.WriteString(original)
	}
	return w.Flush()
}
