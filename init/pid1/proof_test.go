package pid1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/init/supervise"
	"bantam/switcher"
)

// Services that seem to work are started by the supervisor and judged by the switcher, both of them the real ones.
func TestServicesThatOnlySeemToWorkAreNotProven(t *testing.T) {
	cmd := asInit(t, "proofs")
	cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUTS
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, string(out),
		"works: 0 ",
		"dies of a reload: 10 service web: exit status 3",
		"not ready in time, and ends well then: 10 service slow: not ready within 300ms",
		"ends well again and again: 10 service short: exit status 0",
		"ends well when it has settled: 10 service late: exit status 0",
		"touched: 0 steps",
		"other bytes with the old size and time: stop service tool, start service tool",
	)
}

// proofs does one switch after the other.
func proofs() error {
	err := errors.Join(
		unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""),
		unix.Mount("tmpfs", "/etc", "tmpfs", 0, ""),
		unix.Mount("tmpfs", "/run", "tmpfs", 0, ""),
		os.MkdirAll("/run/bantam", 0o755))
	if err != nil {
		return err
	}
	dir := os.Getenv("BANTAM_DIR")
	sup := supervise.New(supervise.Options{Cgroup: "/none/bantam"})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); sup.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	drivers := make(chan struct{})
	close(drivers)
	const head = "[proof]\nnetwork = \"off\"\nsettle = \"200ms\"\n"
	tool := filepath.Join(dir, "tool")
	program := func(seconds string) error {
		return os.WriteFile(tool, []byte("#!/bin/sh\nexec sleep "+seconds+"\n"), 0o755)
	}
	if err := program("1111"); err != nil {
		return err
	}
	text := head + service("web", "trap 'exit 3' HUP; while :; do sleep 0.1; done", "on_change = \"reload\"") +
		"[service.tool]\ncommand = [\"" + tool + "\"]\n"
	descriptor := func(mediaType, text string) switcher.Descriptor {
		return switcher.Descriptor{MediaType: mediaType, Digest: switcher.DigestOf([]byte(text)), Size: int64(len(text)),
			Annotations: map[string]string{switcher.VersionAnnotation: "6.1", switcher.SegmentAnnotation: "init"}}
	}
	s, err := switcher.Open(switcher.Options{
		Dir: filepath.Join(dir, "state"), Machine: NewMachine(sup, nil, "", nil, drivers), Text: []byte(head),
		Booted: switcher.Generation{Board: "pc", Arch: "amd64", System: descriptor(switcher.SystemType, head),
			Kernel: descriptor(switcher.KernelType, "kernel"), Initrd: []switcher.Descriptor{descriptor(switcher.InitrdType, "init")}},
	})
	if err != nil {
		return err
	}
	if r := s.Boot(ctx, nil); r.Exit != switcher.ExitGood {
		return fmt.Errorf("boot: %s", r.Text())
	}
	switchTo := func(name, text string) {
		r := s.Switch(ctx, switcher.Request{Verb: switcher.VerbSwitch, Text: []byte(text)}, nil)
		said, _, _ := strings.Cut(r.Reason, ", and was started again")
		say("%s: %d %s", name, r.Exit, said)
	}
	fell := filepath.Join(dir, "fell")
	switchTo("works", text)
	switchTo("dies of a reload", strings.Replace(text, "on_change", "env = { A = \"1\" }\non_change", 1))
	switchTo("not ready in time, and ends well then", text+
		service("slow", "trap 'exit 0' TERM; while :; do sleep 0.1; done", "ready = \"notify\"\nstart_timeout = \"300ms\""))
	switchTo("ends well again and again", text+service("short", "true", ""))
	switchTo("ends well when it has settled", text+service("late", "sleep 1; : >"+fell, "")+
		"[check.wait]\ntimeout = \"20s\"\ncommand = [\"/bin/sh\", \"-c\", \"while [ ! -e "+fell+" ]; do sleep 0.1; done; sleep 0.3\"]\n")
	plan := func() (steps []string) {
		p, err := s.Plan(switcher.Request{Verb: switcher.VerbSwitch, Text: []byte(text)})
		if err != nil {
			return []string{err.Error()}
		}
		for _, step := range p.Plan.Steps {
			steps = append(steps, step.Text)
		}
		return steps
	}
	info, err := os.Stat(tool)
	if err != nil {
		return err
	}
	if err := os.Chtimes(tool, time.Time{}, time.Now()); err != nil {
		return err
	}
	say("touched: %d steps", len(plan()))
	if err := errors.Join(program("2222"), os.Chtimes(tool, time.Time{}, info.ModTime())); err != nil {
		return err
	}
	say("other bytes with the old size and time: %s", strings.Join(plan(), ", "))
	limit, stop := context.WithTimeoutCause(ctx, time.Minute, errors.New("not ended within a minute"))
	defer stop()
	return sup.StopAll(limit)
}

// service is one of system.toml that runs a shell's script.
func service(name, script, more string) string {
	return fmt.Sprintf("[service.%s]\ncommand = [\"/bin/sh\", \"-c\", %q]\n%s\n", name, script, more)
}
