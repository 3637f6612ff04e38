package pid1

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"bantam/boottime"
)

// Bootchart is the record of what boot spent its time on.
type Bootchart struct {
	mu    sync.Mutex
	spans []Span
}

// Span is one step of the boot, in time since boot.
type Span struct {
	Name       string        `json:"name"`
	Start, End time.Duration // End is 0 while it lasts
}

// Span begins a step; the function it returns ends it.
func (c *Bootchart) Span(name string) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := len(c.spans)
	c.spans = append(c.spans, Span{Name: name, Start: boottime.Now()})
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.spans[i].End = boottime.Now()
	}
}

// Spans is a copy of the steps in order of their start.
func (c *Bootchart) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// String draws the chart, one line for each step:
//
//	2.104 s     3 ms  mounts     ##
//	2.107 s    98 ms  coldplug    ################
func (c *Bootchart) String() string { return draw(c.Spans(), boottime.Now(), 40) }

func draw(spans []Span, now time.Duration, columns int) string {
	if len(spans) == 0 {
		return ""
	}
	first, last, width := spans[0].Start, spans[0].Start, 0
	for i := range spans {
		if spans[i].End == 0 {
			spans[i].End = now
		}
		first = min(first, spans[i].Start)
		last = max(last, spans[i].End)
		width = max(width, len(spans[i].Name))
	}
	column := func(t time.Duration) int {
		return int(int64(t-first) * int64(columns) / int64(max(last-first, 1)))
	}
	var b strings.Builder
	for _, s := range spans {
		from := min(column(s.Start), columns-1)
		bar := strings.Repeat(" ", from) + strings.Repeat("#", max(column(s.End)-from, 1))
		fmt.Fprintf(&b, "%6.3f s %6.1f ms  %-*s  %s\n", s.Start.Seconds(),
			float64(s.End-s.Start)/float64(time.Millisecond), width, s.Name, bar)
	}
	return b.String()
}
