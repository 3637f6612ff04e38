package main

import (
	"bytes"
	"debug/elf"
	"strings"
	"testing"
)

// console is what a machine says, shortened.
const console = `SeaBIOS (version 1.16.2)

bench: Pss: 5000 1 init
bench: Pss_Anon: 1500 1 init
bench: Pss: 3000 90 bantam-console
bench: Pss: 8 91 dummy
bench: Pss: 1733 92 measure.sh
1/2 stop service dummy3
[    0.002665] e820: update [mem 0x00000000-0x00000fff] usable ==> reserved
[    2.000000] Run /init as init process
[    2.100000] bantam: network: started, pid 90
[    2.250500] bantam: network: ready after 150ms
[    9.500000] bench: clocks
[   10.000000] bench: switch 1 begins
[   10.000100] bantam: switch: 1/2 stop service dummy3
[   10.020000] bench: switch 1 ended 0
[   12.000000] bench: switch 2 begins
[   12.005000] bench: switch 2 ended 0
bench-trace: # tracer: nop
bench-trace:               sh-80      [000] .....     1.500000: waits: (n_tty_poll+0x0/0x1d0)
bench-trace:   bantam-console-90      [000] .....     2.175000: waits: (n_tty_poll+0x0/0x1d0)
bench-trace:   bantam-console-90      [000] .....     3.175000: reads: (n_tty_read+0x0/0x1d0)
bench-trace:       measure.sh-92      [000] .....     9.400000: tracing_mark_write: bench: clocks
bench: over
`

func TestFiguresComeFromWhatTheMachineSays(t *testing.T) {
	r, err := parse(strings.ReplaceAll(console, "\n", "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.figures(guest{own: 77, network: "bantam: network: ready", shell: "bantam-console"})
	want := figures{Console: 275, Network: 250.5, Both: 275, Memory: 8000, Anon: 1500, Initrd: 77}
	if err != nil || got != want {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
	switches, err := r.switches()
	if err != nil || len(switches) != 2 || switches[0] != 20 || switches[1] != 5 {
		t.Errorf("switches took %v (%v), want 20 and 5 ms", switches, err)
	}
}

func TestWhatAMachineDidNotSayIsAnError(t *testing.T) {
	for claim, missing := range map[string]string{
		"/init was not started":         "Run /init",
		"the network never came up":     "network: ready",
		"no shell waited for keys":      "   bantam-console-90",
		"the clocks were not compared":  "tracing_mark_write",
		"the machine ended before that": "bench: over",
		"a switch failed":               "switch 2 ended 0",
	} {
		r, err := parse(strings.ReplaceAll(console, missing, "something else"))
		if err == nil {
			_, err = r.figures(guest{network: "bantam: network: ready", shell: "bantam-console"})
		}
		if err == nil {
			_, err = r.switches()
		}
		if err == nil {
			t.Errorf("%s: no error", claim)
		}
	}
}

func TestVerdictsFollowTheBudget(t *testing.T) {
	for measured, want := range map[float64]string{0.6: "reaches the aim", 0.8: "within the budget", 0.81: "OVER THE BUDGET"} {
		row := budgetRow{Must: 0.8, Aim: 0.6, Measured: measured}
		if got := row.verdict(); got != want {
			t.Errorf("%v: got %q, want %q", measured, got, want)
		}
		r := report{Budgets: []budgetRow{row}}
		if got := r.over(); got != (measured > 0.8) {
			t.Errorf("%v: over is %v", measured, got)
		}
	}
}

func TestTheDummyIsAProgram(t *testing.T) {
	f, err := elf.NewFile(bytes.NewReader(dummy()))
	if err != nil {
		t.Fatal(err)
	}
	if p := f.Progs; len(p) != 1 || f.Entry != p[0].Vaddr+120 || p[0].Filesz != uint64(len(dummy())) {
		t.Errorf("entry %#x, segments %+v", f.Entry, p)
	}
}
