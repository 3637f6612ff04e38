package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// console is what machines say, shortened: that of the job, and that of the switches.
const console = `SeaBIOS (version 1.16.2)

(a shell)
READY
root@bench:~# MemTotal:         219020 kB
MemFree:          190700 kB
MemAvailable:     193996 kB
Node 0, zone      DMA
    cpu: 0
              count: 0
    cpu: 1
              count: 25
              high:  50
bench: Pss: 5000 1 init
bench: Pss_Anon: 1500 1 init
bench: Pss: 3000 90 bantam-console
bench: Pss: 8 91 service
bench: Pss: 1733 92 measure.sh
1/2 stop service s3
<6>[    0.002665] e820: update [mem 0x00000000-0x00000fff] usable ==> reserved
<6>[    2.000000] Run /init as init process
<30>[    2.100000] bantam: network: started, pid 90
<12>[    2.200000] bench: a service runs
<12>[    2.300000] bench: READY
<12>[    2.300500] bench: a service runs
[   10.000000] bench: switch 1 begins
[   10.000100] bantam: switch: 1/2 stop service s3
[   10.020000] bench: switch 1 ended 0
[   12.000000] bench: switch 2 begins
[   12.005000] bench: switch 2 ended 0
bench: over
[    7.069146] reboot: Power down
`

func TestFiguresComeFromWhatTheMachineSays(t *testing.T) {
	r, err := parse(strings.ReplaceAll(console, "\n", "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.job(2)
	if err != nil || f.Ready != 300.5 || f.Services != 300.5 || f.Used != 25.522176 {
		t.Errorf("%+v (%v); want it ready after 300.5 ms, when the last service ran, and 25.522176 MB: 100 KiB are on lists", f, err)
	}
	if all, anonymous := r.processes(); all != 8000 || anonymous != 1500 {
		t.Errorf("processes have %d KiB, %d anonymous; want 8000 and 1500", all, anonymous)
	}
	switches, err := r.switches()
	if err != nil || len(switches) != 2 || switches[0] != 20 || switches[1] != 5 {
		t.Errorf("switches took %v (%v), want 20 and 5 ms", switches, err)
	}
}

func TestWhatAMachineDidNotSayIsAnError(t *testing.T) {
	for claim, missing := range map[string]string{
		"/init was not started":     "Run /init",
		"the job was not done":      "bench: READY",
		"a service did not run":     "a service runs",
		"memory was not told":       "MemAvailable",
		"the machine ended earlier": "bench: over",
		"a switch failed":           "switch 2 ended 0",
	} {
		r, err := parse(strings.Replace(console, missing, "something else", 1))
		if err == nil {
			_, err = r.job(2)
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

func TestAProgramSaysWhatItShall(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the programs are for Linux on amd64")
	}
	dir := t.TempDir()
	first, second, file := filepath.Join(dir, "first"), filepath.Join(dir, "second"), filepath.Join(dir, "program")
	for _, path := range []string{first, second} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var p program
	p.say(first, "one line\n")
	p.call(sysOpen, text(first), openRead)
	p.call(sysRead, result{}, bufferBase, bufferSize)
	p.show(second)
	const sysExit = 60
	p.call(sysExit, 7)
	if err := os.WriteFile(file, p.elf(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command(file).Run(); err == nil || err.Error() != "exit status 7" {
		t.Errorf("ended with %v, want exit status 7", err)
	}
	for _, path := range []string{first, second} {
		if got, err := os.ReadFile(path); string(got) != "one line\n" {
			t.Errorf("%s: got %q (%v), want the line", path, got, err)
		}
	}
}
