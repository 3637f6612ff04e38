package pid1

import (
	"fmt"
	"slices"
	"sync"
)

// notes are what went wrong and a person should know: shown by the status and
// the greeting, and in the kernel log.
type notes struct {
	mu   sync.Mutex
	list []string
}

// mostNotes bounds the list; a broken device may fail for ever.
const mostNotes = 20

func (n *notes) add(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	Logf(Warning, "%s", text)
	n.keep(text)
}

// keep is add for what was logged already.
func (n *notes) keep(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.list) < mostNotes && !slices.Contains(n.list, text) {
		n.list = append(n.list, text)
	}
}

func (n *notes) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.list)
}
