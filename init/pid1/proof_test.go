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

// A program on a server that is gone cannot be told from one that is slow. It is waited for once, and only the service
// that needs it is refused.
func TestAProgramOnAMountThatHangsRefusesOnlyItsService(t *testing.T) {
	cmd := asInit(t, "hanging")
	cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUTS
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const refused = "1 system.toml:5:11: service far cannot start: /run/hanging/app, or its folder /: its file system does not answer"
	wants(t, string(out), "its service: "+refused, "its service once more: "+refused, "another one: 0 ")
}

// proofHead keeps what a machine without a network configurator cannot show out of the proof.
const proofHead = "[proof]\nnetwork = \"off\"\nsettle = \"200ms\"\n"

// realSwitcher is that of a machine of its own, started, and its supervisor, which runs until ctx ends.
func realSwitcher(ctx context.Context, dir string) (s *switcher.Switcher, sup *supervise.Supervisor, err error) {
	err = errors.Join(
		unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""),
		unix.Mount("tmpfs", "/etc", "tmpfs", 0, ""),
		unix.Mount("tmpfs", "/run", "tmpfs", 0, ""),
		os.MkdirAll("/run/bantam", 0o755))
	if err != nil {
		return nil, nil, err
	}
	sup = supervise.New(supervise.Options{Cgroup: "/none/bantam"})
	go sup.Run(ctx)
	drivers := make(chan struct{})
	close(drivers)
	descriptor := func(mediaType, text string) switcher.Descriptor {
		return switcher.Descriptor{MediaType: mediaType, Digest: switcher.DigestOf([]byte(text)), Size: int64(len(text)),
			Annotations: map[string]string{switcher.VersionAnnotation: "6.1", switcher.SegmentAnnotation: "init"}}
	}
	s, err = switcher.Open(switcher.Options{
		Dir: filepath.Join(dir, "state"), Machine: NewMachine(sup, nil, "", nil, drivers), Text: []byte(proofHead),
		Booted: switcher.Generation{Board: "pc", Arch: "amd64", System: descriptor(switcher.SystemType, proofHead),
			Kernel: descriptor(switcher.KernelType, "kernel"), Initrd: []switcher.Descriptor{descriptor(switcher.InitrdType, "init")}},
	})
	if err != nil {
		return nil, nil, err
	}
	if r := s.Boot(ctx, nil); r.Exit != switcher.ExitGood {
		return nil, nil, fmt.Errorf("boot: %s", r.Text())
	}
	return s, sup, nil
}

// hanging is process 1 of a machine with a file system whose server, which it is itself, answers nothing.
func hanging() error {
	s, _, err := realSwitcher(context.Background(), os.Getenv("BANTAM_DIR"))
	if err != nil {
		return err
	}
	server, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(server) // lets the mount go
	err = errors.Join(
		os.Mkdir("/run/hanging", 0o755),
		unix.Mount("hanging", "/run/hanging", "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", server)),
		greet(server))
	if err != nil {
		return err
	}
	far := proofHead + "[service.far]\ncommand = [\"/run/hanging/app\"]\n"
	for _, c := range []struct{ name, text string }{
		{"its service", far},
		{"its service once more", far},
		{"another one", proofHead + service("near", "exec sleep 1111", "")},
	} {
		r := s.Switch(context.Background(), switcher.Request{Verb: switcher.VerbSwitch, Text: []byte(c.text)}, nil)
		say("%s: %d %s", c.name, r.Exit, r.Reason)
	}
	return nil
}

// proofs does one switch after the other.
func proofs() error {
	ctx, dir := context.Background(), os.Getenv("BANTAM_DIR")
	tool := filepath.Join(dir, "tool")
	program := func(seconds string) error {
		return os.WriteFile(tool, []byte("#!/bin/sh\nexec sleep "+seconds+"\n"), 0o755)
	}
	if err := program("1111"); err != nil {
		return err
	}
	s, sup, err := realSwitcher(ctx, dir)
	if err != nil {
		return err
	}
	text := proofHead + service("web", "trap 'exit 3' HUP; while :; do sleep 0.1; done", "on_change = \"reload\"") +
		"[service.tool]\ncommand = [\"" + tool + "\"]\n"
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
