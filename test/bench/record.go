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
	free map[string]int // /proc/meminfo in KiB, e.g. "MemTotal"
	held int            // free memory on the processors' lists, in KiB: see used
	pss  map[string]int // KiB of memory by process, e.g. "1 init"
	anon map[string]int // of that, what no file holds

	wrote map[string]int // sectors by step of an update
}

// An event is a line with the machine's time in microseconds since its start.
type event struct {
	at   int64
	text string
}

// over is the last that a machine says.
const over = "bench: over"

var (
	kernelLine = regexp.MustCompile(`^(?:<\d+>)?\[ *(\d+)\.(\d{6})\] (.*)$`)
	infoLine   = regexp.MustCompile(`(\w+): +(\d+) kB$`)
	countLine  = regexp.MustCompile(`^ +count: +(\d+)$`) // of /proc/zoneinfo: pages on a processor's list
	pssLine    = regexp.MustCompile(`^bench: (Pss|Pss_Anon): (\d+) (\d+ .*)$`)
)

// parse reads what came over the serial line.
func parse(console string) (record, error) {
	r := record{free: map[string]int{}, pss: map[string]int{}, anon: map[string]int{}, wrote: map[string]int{}}
	ended := false
	for line := range strings.Lines(console) {
		line = strings.TrimRight(line, "\r\n")
		if m := kernelLine.FindStringSubmatch(line); m != nil {
			r.log = append(r.log, event{microseconds(m[1], m[2]), m[3]})
		} else if m := infoLine.FindStringSubmatch(line); m != nil {
			r.free[m[1]] = number(m[2])
		} else if m := countLine.FindStringSubmatch(line); m != nil {
			r.held += number(m[1]) * pageSize
		} else if m := pssLine.FindStringSubmatch(line); m != nil {
			if m[1] == "Pss" {
				r.pss[m[3]] = number(m[2])
			} else {
				r.anon[m[3]] = number(m[2])
			}
		} else if m := wroteLine.FindStringSubmatch(line); m != nil {
			r.wrote[m[1]] = number(m[2])
		} else if line == over {
			ended = true
		}
	}
	if !ended {
		return r, fmt.Errorf("the machine ended too early")
	}
	return r, nil
}

// number reads digits, as the expressions have found them.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

func microseconds(seconds, fraction string) int64 { return int64(number(seconds + fraction)) }

// at is when the kernel log says for the first time something that begins with a text.
func (r record) at(text string) (int64, error) {
	i := slices.IndexFunc(r.log, func(e event) bool { return strings.HasPrefix(e.text, text) })
	if i < 0 {
		return 0, fmt.Errorf("nothing began with %q", text)
	}
	return r.log[i].at, nil
}

// figures of one system that has done the job.
type figures struct {
	Ready    float64  `json:"init_to_ready_ms"`    // since the kernel started /init
	Services float64  `json:"init_to_services_ms"` // since then, until the last of them runs
	Used     float64  `json:"used_mb"`             // as free(1) counts it; the root file system, which is in memory, is in it
	Service  float64  `json:"service_kb"`          // what one more service takes
	Versions []string `json:"versions"`
}

const pageSize = 4 // KiB

// used is what free(1) calls so, in KiB, without the pages that lie free on the processors' own lists: the kernel does not
// count them as free, and they are none or up to 2 MB as chance has it.
func (r record) used() int { return r.free["MemTotal"] - r.free["MemAvailable"] - r.held }

// job reads how long the job took, of so many services, and the memory in use at its end.
func (r record) job(services int) (f figures, err error) {
	begin, err := r.at("Run /init as init process")
	if err != nil {
		return f, err
	}
	end, err := r.at(readyLine)
	if err != nil {
		return f, err
	}
	var last int64
	for _, e := range r.log {
		if e.text == serviceRuns {
			services--
			last = max(last, e.at)
		}
	}
	if services != 0 {
		return f, fmt.Errorf("%d services too few have run", services)
	}
	if r.free["MemTotal"] == 0 || r.free["MemAvailable"] == 0 {
		return f, fmt.Errorf("nothing of /proc/meminfo")
	}
	f.Services = float64(last-begin) / 1000
	f.Ready = float64(max(end, last)-begin) / 1000 // a system that knows no order may be ready before
	f.Used = float64(r.used()) * 1024 / 1e6
	return f, nil
}

// processes are the sums of Pss, and of that what no file holds, over the processes of Bantam, in KiB.
func (r record) processes() (all, anonymous int) {
	for name := range r.pss {
		// The services and the measuring are no part of it.
		if !strings.HasSuffix(name, " service") && !strings.HasSuffix(name, " measure.sh") {
			all += r.pss[name]
			anonymous += r.anon[name]
		}
	}
	return all, anonymous
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
