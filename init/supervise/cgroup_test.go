package supervise

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/lifecycle"
)

// What a supervisor before this one left, or a group that is on nobody's books, ends too.
func TestTheEndTakesEverythingThatEverWasInAGroup(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	stray := r.groups.root + "/stray"
	r.must(os.Mkdir(stray, 0o755))
	pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "1000"}, &syscall.ProcAttr{})
	r.must(err)
	r.must(put(stray+"/cgroup.procs", strconv.Itoa(pid)))
	r.run(Definition{Name: "deaf", Argv: self("ignore"), StopTimeout: time.Hour})
	r.within("it is deaf", func() bool { return len(r.output("deaf")) == 1 })
	at, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("not within a moment"))
	if err := r.StopAll(at); err == nil || err.Error() != "stop all services: not within a moment; killed: deaf" {
		t.Error(err)
	}
	r.nothingLeft()
	r.within("its group is empty", func() bool { return unix.Rmdir(stray) == nil })
}

func TestAFrozenGroupHoldsUpItsServiceAndNotTheLoop(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	freeze := func(dir, state string) {
		t.Helper()
		if err := put(dir+"/cgroup.freeze", state); err != nil {
			t.Fatal(err)
		}
	}
	freeze(r.groups.root, "1")
	r.run(Definition{Name: "cold", Argv: shell("sleep 1000"), Restart: lifecycle.RestartNever})
	r.within("it is told", func() bool { return r.state("cold").LastExit.Stage == "fork into a frozen cgroup" })
	if _, _, err := r.RunOnce(context.Background(), Definition{Argv: shell("exit 0")}); !errors.Is(err, errFrozen) {
		t.Errorf("run once: %v", err)
	}
	freeze(r.groups.root, "0")
	r.await(lifecycle.PhaseReady, "cold")
	r.must(r.Stop(ByPlan, "cold"))
	r.await(lifecycle.PhaseDown, "cold")

	left := &process{} // a group that could not be removed
	dir, err := r.groups.create(left, "cold", Definition{})
	r.must(err)
	dir.Close()
	freeze(left.group, "1")
	quotas := map[string]string{"cpu": "/cpu.max", "memory": "/memory.high"}
	for controller, file := range quotas {
		if r.groups.has[controller] {
			r.must(put(left.group+file, "4096"))
		}
	}
	r.must(r.Start(ByPlan, "cold"))
	r.await(lifecycle.PhaseReady, "cold")
	for controller, file := range quotas {
		if text, err := os.ReadFile(left.group + file); r.groups.has[controller] && !strings.HasPrefix(string(text), "max") {
			t.Errorf("%s of the group that was left: %q, %v", file, text, err)
		}
	}
}

func TestCountersAreReadFromTheKernelsFiles(t *testing.T) {
	for _, c := range []struct {
		name, text, key string
		want            int
	}{
		{"memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n", "oom_kill", 2},
		{"cgroup.events", "populated 1\nfrozen 0\n", "populated", 1},
		{"meminfo with its colons and units", "MemTotal:        8048576 kB\nMemFree: 1 kB\n", "MemTotal:", 8048576},
		{"a key that is not there", "populated 1\n", "oom_kill", -1},
		{"a key without a number", "populated\n", "populated", -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := t.TempDir() + "/file"
			os.WriteFile(file, []byte(c.text), 0o644)
			if got := counter(file, c.key); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
	if got := counter("/nowhere", "populated"); got != -1 {
		t.Errorf("a missing file counts %d, want -1", got)
	}
}

// It is done at each start and end of each service: the page stays on the stack.
func TestReadingACounterLeavesNoPageBehind(t *testing.T) {
	const times = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		counter("/proc/self/status", "Threads:")
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / times; each >= 2048 {
		t.Errorf("reading a counter takes %d bytes of the heap, want less than half a page", each)
	}
}

func TestNoFilesAreMadeWhereThereIsNoCgroupFileSystem(t *testing.T) {
	dir := t.TempDir()
	if g := openGroups(dir + "/bantam"); g.fault == nil {
		t.Error("a plain directory was taken for a cgroup")
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("%v was made", entries)
	}
}
