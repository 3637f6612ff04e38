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
	log  []event        // the kernel's, in order
	keys []event        // who waited for keys at a terminal, and when
	pss  map[string]int // kilobytes of memory by process, e.g. "1 init"
}

// An event is a line with the machine's time in microseconds since its start.
type event struct {
	at   int64
	text string
}

var (
	kernelLine = regexp.MustCompile(`^\[ *(\d+)\.(\d{6})\] (.*)$`)
	traceLine  = regexp.MustCompile(`^bench-trace: +(\S.*)-\d+ +\[\d+\] .{5} +(\d+)\.(\d{6}): `)
	pssLine    = regexp.MustCompile(`^bench: pss (\d+) (\d+ .*)$`)
)

// parse reads what came over the serial line.
func parse(console string) (record, error) {
	r := record{pss: map[string]int{}}
	over := false
	for line := range strings.Lines(console) {
		line = strings.TrimRight(line, "\r\n")
		if m := kernelLine.FindStringSubmatch(line); m != nil {
			r.log = append(r.log, event{microseconds(m[1], m[2]), m[3]})
		} else if m := traceLine.FindStringSubmatch(line); m != nil {
			r.keys = append(r.keys, event{microseconds(m[2], m[3]), m[1]})
		} else if m := pssLine.FindStringSubmatch(line); m != nil {
			r.pss[m[2]], _ = strconv.Atoi(m[1])
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

// at is when the kernel log says a text for the first time.
func (r record) at(text string) (int64, error) {
	i := slices.IndexFunc(r.log, func(e event) bool { return strings.HasPrefix(e.text, text) })
	if i < 0 {
		return 0, fmt.Errorf("the kernel log does not say %q", text)
	}
	return r.log[i].at, nil
}

// figures of one system. Times are milliseconds since the kernel started /init.
type figures struct {
	Console float64 `json:"console_ms"` // a shell waits for keys
	Network float64 `json:"network_ms"` // address, route and name servers are set
	Both    float64 `json:"both_ms"`
	Memory  int     `json:"memory_kb"` // sum of Pss of all its processes at rest
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
	if len(r.keys) == 0 {
		return f, fmt.Errorf("nobody waited for keys")
	}
	f = figures{
		Console: float64(r.keys[0].at-begin) / 1000,
		Network: float64(online-begin) / 1000,
		Initrd:  g.own,
	}
	f.Both = max(f.Console, f.Network)
	for name, kilobytes := range r.pss {
		// The services and the measuring are no part of either system.
		if !strings.HasSuffix(name, " dummy") && !strings.HasSuffix(name, " busybox") {
			f.Memory += kilobytes
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
