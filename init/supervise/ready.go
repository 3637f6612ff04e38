package supervise

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"bantam/lifecycle"
)

// awaitReadiness lets something wait for a service that says, or shows, itself
// when it is ready.
func (s *Supervisor) awaitReadiness(p *process, ready string) {
	word, port, err := lifecycle.ParseReadiness(ready)
	if err != nil {
		return // Define has refused it
	}
	switch word {
	case lifecycle.ReadyNotify:
		go Guard("readiness of "+p.name, func() { s.awaitNewline(p) })
	case lifecycle.ReadyTCP:
		go Guard("readiness of "+p.name, func() { s.awaitListener(p, port) })
	case lifecycle.ReadyStarted, lifecycle.ReadyExited: // the engine sees that
	}
}

// awaitNewline waits for a notify service to write its newline. What comes
// before it is bounded; what comes after stays in the pipe, which is kept open
// so that a service that says more is not killed by SIGPIPE.
func (s *Supervisor) awaitNewline(p *process) {
	buf := make([]byte, 256)
	for total := 0; total < 4096; {
		n, err := p.notify.Read(buf)
		if bytes.IndexByte(buf[:n], '\n') >= 0 {
			s.post(func() { s.step(Ready{p.name, p.serial}) })
			return
		}
		if err != nil {
			return // it will not say it any more; the start time-out deals with that
		}
		total += n
	}
}

// awaitListener waits for a process of the service to listen on its TCP port.
func (s *Supervisor) awaitListener(p *process, port uint16) {
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		if inodes := listeners(port); len(inodes) > 0 && holdsAny(s.groups.members(p), inodes) {
			s.post(func() { s.step(Ready{p.name, p.serial}) })
			return
		}
		select {
		case <-p.gone:
			return
		case <-s.ended:
			return
		case <-time.After(pause):
		}
	}
}

// listeners returns the inodes of the sockets that listen on port, as
// "socket:[12345]", from /proc/net/tcp and tcp6 (proc(5): local address in
// hex, state 0A is LISTEN, inode the tenth word).
func listeners(port uint16) map[string]bool {
	inodes := map[string]bool{}
	suffix := fmt.Sprintf(":%04X", port)
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // no IPv6 in this kernel
		}
		for line := range strings.Lines(string(text)) {
			word := strings.Fields(line)
			if len(word) > 9 && word[3] == "0A" && strings.HasSuffix(word[1], suffix) {
				inodes["socket:["+word[9]+"]"] = true
			}
		}
	}
	return inodes
}

// holdsAny reports whether one of the processes has one of the sockets open.
func holdsAny(pids []int, sockets map[string]bool) bool {
	for _, pid := range pids {
		dir := fmt.Sprintf("/proc/%d/fd", pid)
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // it has ended
		}
		for _, entry := range entries {
			if target, err := os.Readlink(dir + "/" + entry.Name()); err == nil && sockets[target] {
				return true
			}
		}
	}
	return false
}
