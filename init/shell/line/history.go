package line

import (
	"os"
	"strings"

	"bantam/atomicfile"
)

// historyLimit is the number of lines kept.
const historyLimit = 500

// History is the lines typed before, oldest first, none twice. With a path it
// is kept in a file, one line an entry with newlines and backslashes escaped.
type History struct {
	lines []string
	path  string
}

// OpenHistory reads the history kept at path. A file that cannot be read is an
// empty history; one that cannot be written is kept in memory only.
func OpenHistory(path string) *History {
	h := &History{path: path}
	text, err := os.ReadFile(path)
	if err != nil {
		return h
	}
	stored := 0
	for entry := range strings.Lines(string(text)) {
		stored++
		h.remember(unescape.Replace(strings.TrimSuffix(entry, "\n")))
	}
	if stored > 2*historyLimit {
		h.rewrite()
	}
	return h
}

var (
	escape   = strings.NewReplacer("\\", "\\\\", "\n", "\\n")
	unescape = strings.NewReplacer("\\\\", "\\", "\\n", "\n")
)

// Add remembers a line. Empty lines and those that begin with a blank are not
// kept, which is the way to type a secret.
func (h *History) Add(line string) {
	line = strings.TrimRight(line, "\n")
	if line == "" || line[0] == ' ' {
		return
	}
	if n := len(h.lines); n > 0 && h.lines[n-1] == line {
		return // nothing new
	}
	h.remember(line)
	if h.path == "" {
		return
	}
	// An append is one small write; a history is not worth an fsync to flash.
	f, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return // read-only or absent volume: memory only
	}
	f.WriteString(escape.Replace(line) + "\n")
	f.Close()
}

func (h *History) remember(line string) {
	for i, old := range h.lines {
		if old == line {
			h.lines = append(h.lines[:i], h.lines[i+1:]...)
			break
		}
	}
	h.lines = append(h.lines, line)
	if len(h.lines) > historyLimit {
		h.lines = h.lines[len(h.lines)-historyLimit:]
	}
}

// rewrite replaces the file by what is in memory.
func (h *History) rewrite() {
	var text []byte
	for _, line := range h.lines {
		text = append(text, escape.Replace(line)+"\n"...)
	}
	atomicfile.WriteUnsynced(h.path, text, 0o600)
}

// Lines returns the history, oldest first.
func (h *History) Lines() []string { return h.lines }

// Clear forgets everything, in the file too.
func (h *History) Clear() {
	h.lines = nil
	if h.path != "" {
		os.Truncate(h.path, 0)
	}
}
