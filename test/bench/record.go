package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A record is what a machine told of itself.
type record struct {
	log   []event        // the kernel's, in order
	trace []event        // its probes': who waited for keys at a terminal
	pss   map[string]int // KiB of memory by process, e.g. "1 init"
	anon  map[string]int // of that, what no file holds
}

// An event is a line with the machine's time in microseconds since its start.
type event struct {
	at   int64
	text string
}

var (
	kernelLine = regexp.MustCompile(`^\[ *(\d+)\.(\d{6})\] (.*)$`)
	traceLine  = regexp.MustCompile(`^bench-trace: +(\S.*)-\d+ +\[\d+\] .{5} +(\d+)\.(\d{6}): (.*)$`)
	pssLine    = regexp.MustCompile(`^bench: (Pss|Pss_Anon): (\d+) (\d+ .*)$`)
)

// parse reads what came over the serial line.
func parse(console string) (record, error) {
	r := record{pss: map[string]int{}, anon: map[string]int{}}
	over := false
	for line := range strings.Lines(console) {
		line = strings.TrimRight(line, "\r\n")
		if m := kernelLine.FindStringSubmatch(line); m != nil {
			r.log = append(r.log, event{microseconds(m[1], m[2]), m[3]})
		} else if m := traceLine.FindStringSubmatch(line); m != nil {
			r.trace = append(r.trace, event{microseconds(m[2], m[3]), m[1] + ": " + m[4]})
		} else if m := pssLine.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[2]) // digits only, by the expression
			if m[1] == "Pss" {
				r.pss[m[3]] = n
			} else {
				r.anon[m[3]] = n
			}
		} else if line == "bench: over" {
			over = true
		}
	}
	if !over {
		return r, fmt.Errorf("the machine ended too early")
	}
	return r, nil
}

func microseconds(seconds, fraction string) int64 {
	n, _ := strconv.ParseInt(seconds+fraction, 10, 64) // digits only, by the expression
	return n
}

// first is when an event begins with a text for the first time.
func first(events []event, text string) (int64, error) {
	i := slices.IndexFunc(events, func(e event) bool { return strings.HasPrefix(e.text, text) })
	if i < 0 {
		return 0, fmt.Errorf("nothing began with %q", text)
	}
	return events[i].at, nil
}

// at is when the kernel log says a text for the first time.
func (r record) at(text string) (int64, error) { return first(r.log, text) }

// waits is when a process waits for keys for the first time, by the log's clock.
func (r record) waits(process string) (int64, error) {
	there, err := first(r.trace, "measure.sh: tracing_mark_write: bench: clocks")
	if err != nil {
		return 0, err
	}
	here, err := r.at("bench: clocks")
	if err != nil {
		return 0, err
	}
	at, err := first(r.trace, process+": ")
	return at - there + here, err
}

// figures of one system. Times are milliseconds since the kernel started /init.
type figures struct {
	Console float64 `json:"console_ms"` // a shell waits for keys
	Network float64 `json:"network_ms"` // address, route and name servers are set
	Both    float64 `json:"both_ms"`
	Memory  int     `json:"memory_kib"`    // sum of Pss of all its processes at rest
	Anon    int     `json:"anonymous_kib"` // of that, what no file holds
	Initrd  int     `json:"initrd_bytes"`
}

func (r record) figures(g guest) (f figures, err error) {
	begin, err := r.at("Run /init as init process")
	if err != nil {
		return f, err
	}
	online, err := r.at(g.network)
	if err != nil {
		return f, err
	}
	console, err := r.waits(g.shell)
	if err != nil {
		return f, err
	}
	f = figures{
		Console: float64(console-begin) / 1000,
		Network: float64(online-begin) / 1000,
		Initrd:  g.own,
	}
	f.Both = max(f.Console, f.Network)
	for name := range r.pss {
		// The services and the measuring are no part of either system.
		if !strings.HasSuffix(name, " dummy") && !strings.HasSuffix(name, " measure.sh") {
			f.Memory += r.pss[name]
			f.Anon += r.anon[name]
		}
	}
	return f, nil
}

// switches are the milliseconds from each command to the shell's next one, in order.
func (r record) switches() (list []float64, err error) {
	for n := 1; ; n++ {
		begin, err := r.at(fmt.Sprintf("bench: switch %d begins", n))
		if err != nil {
			return list, nil
		}
		end, err := r.at(fmt.Sprintf("bench: switch %d ended 0", n))
		if err != nil {
			return nil, fmt.Errorf("switch %d failed", n)
		}
		list = append(list, float64(end-begin)/1000)
	}
}
