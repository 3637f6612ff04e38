package kernelbuild

import (
	"bytes"
	"fmt"
	"time"

	"bantam/images"
)

// A meter reads what make prints, says how far it is, and keeps the last lines.
type meter struct {
	what     string // that is built, e.g. Linux 6.1.153-bantam for qemu-malta
	expected int    // steps in all, about
	start    time.Time
	now      func() time.Time
	progress images.Progress

	steps  int
	told   int // of how many fiftieths the last word was
	last   []string
	unread []byte
}

// mostLines are what is shown of a build that has failed.
const mostLines = 20

// stepsOf is about how many steps a build has: 1,940 for qemu-malta, where 763 options are set.
func stepsOf(c Config) int { return max(1, len(c)*5/2) }

// Write reads lines, of which those that begin with two blanks and a word in capitals are steps: "  CC      init/main.o".
func (m *meter) Write(p []byte) (int, error) {
	m.unread = append(m.unread, p...)
	for {
		line, rest, ok := bytes.Cut(m.unread, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		m.unread = rest
		m.line(string(bytes.TrimRight(line, "\r")))
	}
}

func (m *meter) line(line string) {
	if m.last = append(m.last, line); len(m.last) > mostLines {
		m.last = m.last[1:]
	}
	if len(line) < 4 || line[:2] != "  " || line[2] < 'A' || line[2] > 'Z' {
		return
	}
	m.steps++
	if part := m.steps * 50 / m.expected; part != m.told || m.steps == 1 {
		m.told = part
		m.progress.Step("building %s: %s", m.what, estimate(m.steps, m.expected, m.now().Sub(m.start)))
	}
}

// estimate says how much is done, and once that can be known, how long the rest takes.
func estimate(steps, expected int, passed time.Duration) string {
	done := fmt.Sprintf("step %d of about %d", steps, max(expected, steps))
	if steps*50 < expected {
		return done
	}
	left := time.Duration(max(expected-steps, 0)) * passed / time.Duration(steps)
	if left < time.Minute {
		return done + ", less than a minute left"
	}
	return fmt.Sprintf("%s, about %d min left", done, int((left+30*time.Second)/time.Minute))
}
