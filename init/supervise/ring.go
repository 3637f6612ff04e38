package supervise

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"bantam/boottime"
	"bantam/order"
)

const (
	lineMost  = 4 << 10  // a longer line is cut into several
	ringMost  = 64 << 10 // of one service
	logsMost  = 1 << 20  // of all together
	lineExtra = 48       // what a line costs beside its text
)

// Line is one line of a service's output, or a note about it.
type Line struct {
	Seq     uint64        // counts all lines of all services
	Service string        // e.g. "sshd"
	Boot    time.Duration // CLOCK_BOOTTIME at which it was read
	Wall    time.Time     // wall clock then
	Text    string        // as written, without the newline; see Escape
	Note    bool          // the supervisor says it, not the service
	Partial bool          // it was cut at 4 KiB and goes on in the next line
}

// Logs keeps the last lines of every service, bounded in bytes for each and in
// total. When all together are too much, the longest log loses its oldest line.
type Logs struct {
	mu      sync.Mutex
	rings   map[string]*ring
	seq     uint64
	bytes   int
	changed chan struct{} // closed at the next line; nil when nobody waits
	intake  intake
}

type ring struct {
	lines []record
	bytes int
}

// record is a Line as it is kept: there are thousands, and Line is twice as large.
type record struct {
	seq           uint64
	boot          time.Duration
	wall          int64 // Unix time in nanoseconds
	text          string
	note, partial bool
}

func (r *record) cost() int { return len(r.text) + lineExtra }

// add keeps line, and sets its number and times.
func (l *Logs) add(line *Line) {
	line.Boot, line.Wall = boottime.Now(), time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rings == nil {
		l.rings = map[string]*ring{}
	}
	l.seq++
	line.Seq = l.seq
	r := l.rings[line.Service]
	if r == nil {
		r = &ring{}
		l.rings[line.Service] = r
	}
	kept := record{line.Seq, line.Boot, line.Wall.UnixNano(), line.Text, line.Note, line.Partial}
	r.lines = append(r.lines, kept)
	r.bytes += kept.cost()
	l.bytes += kept.cost()
	for r.bytes > ringMost {
		l.drop(r)
	}
	for l.bytes > logsMost {
		longest := r
		for _, other := range l.rings {
			if other.bytes > longest.bytes {
				longest = other
			}
		}
		l.drop(longest)
	}
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// drop removes the oldest line of r. The array behind it is left to append,
// which makes a new one without the dropped lines when it is used up.
func (l *Logs) drop(r *ring) {
	cost := r.lines[0].cost()
	r.bytes -= cost
	l.bytes -= cost
	r.lines[0] = record{}
	r.lines = r.lines[1:]
}

// since returns what is kept of name ("" is all services) after seq, and a
// channel that is closed when there is more.
func (l *Logs) since(name string, seq uint64) ([]Line, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	var lines []Line
	for service, r := range l.rings {
		if name == "" || name == service {
			first, _ := slices.BinarySearchFunc(r.lines, seq+1, func(kept record, seq uint64) int {
				return cmp.Compare(kept.seq, seq)
			})
			for _, kept := range r.lines[first:] {
				lines = append(lines, Line{kept.seq, service, kept.boot, time.Unix(0, kept.wall), kept.text, kept.note, kept.partial})
			}
		}
	}
	if name == "" {
		order.By(lines, func(a, b Line) int { return cmp.Compare(a.Seq, b.Seq) })
	}
	return lines, l.changed
}

// last returns the last n lines of name, or of all services for "".
func (l *Logs) last(name string, n int) []Line {
	lines, _ := l.since(name, 0)
	return lines[max(0, len(lines)-n):]
}
