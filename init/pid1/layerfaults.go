package pid1

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// The kernel finds damage in a layer when it reads the block, and does not say of which layer. So when it has said so, all
// layers of the tree are read once.

// squashfsFault begins what the kernel says then (fs/squashfs).
const squashfsFault = "SQUASHFS error"

// layerFaults are the layers of the tree that are known to be damaged, in words.
func (m *Machine) layerFaults() []string {
	if m.layers == nil || !m.layers.any() {
		return nil
	}
	return m.layers.faults(countInLog(squashfsFault))
}

// any says whether the tree has layers.
func (l *layers) any() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.inTree) > 0
}

// faults looks for damage if the kernel has complained of something since the last look.
func (l *layers) faults(complaints int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if complaints == l.complaints {
		return l.damaged
	}
	l.complaints, l.damaged = complaints, nil
	for _, layer := range l.inTree {
		if err := l.tree.Verify(layer); err != nil {
			l.damaged = append(l.damaged, err.Error())
		}
	}
	return l.damaged
}

// countInLog says how often a word is in the kernel's log.
func countInLog(word string) int {
	const readAll, size = 3, 10 // of syslog(2)
	n, err := unix.Klogctl(size, nil)
	if err != nil || n <= 0 {
		return 0
	}
	log := make([]byte, n)
	if n, err = unix.Klogctl(readAll, log); err != nil {
		return 0
	}
	return bytes.Count(log[:n], []byte(word))
}
