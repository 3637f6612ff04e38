package supervise

import (
	"os"
	"strings"
	"testing"

	"bantam/lifecycle"
)

func TestTasksAreSharedOutByWhatTheKernelHolds(t *testing.T) {
	for _, c := range []struct {
		claim      string
		most, used int
		want       taskLimits
	}{
		{"256 MB: less than a fixed 4096 for each", 1790, 80, taskLimits{1487, 371, 743}},
		{"512 MB", 3561, 90, taskLimits{3026, 756, 1513}},
		{"much memory: the table of process numbers counts", 32768, 200, taskLimits{28472, 7118, 14236}},
		{"a small router", 500, 60, taskLimits{378, 94, 189}},
		{"a count that cannot be is no reason to run nothing", 400, 5000, taskLimits{100, 25, 50}},
		{"nor is a kernel that holds next to nothing", 10, 5, taskLimits{64, 16, 32}},
	} {
		if got := limitTasks(c.most, c.used); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.claim, got, c.want)
		}
	}
	for most := 300; most < 1<<16; most += 77 {
		const used = 100
		l := limitTasks(most, used)
		if l.service > l.tree/2 || l.tree+used >= most {
			t.Fatalf("of %d tasks: %+v", most, l)
		}
	}
}

func TestServicesLeaveMemory(t *testing.T) {
	const mib = 1 << 10
	for _, c := range []struct {
		claim                 string
		available, forTheRest int
	}{
		{"256 MB machine", 180 * mib, 180 * mib / 8},
		{"a small one leaves what Bantam takes", 60 * mib, 16 * mib},
		{"a tiny one leaves half", 20 * mib, 10 * mib},
		{"a large one does not waste a gigabyte", 8192 * mib, 128 * mib},
	} {
		if got := c.available - limitMemory(c.available); got != c.forTheRest {
			t.Errorf("%s: %d KiB are left, want %d", c.claim, got, c.forTheRest)
		}
	}
}

func TestWhatTheKernelHoldsIsRead(t *testing.T) {
	if most, used := mostTasks(), tasksNow(); most < 100 || used < 1 {
		t.Errorf("most %d, used %d", most, used)
	}
}

// What this host's kernel can do differs, and so does what is said of it.
func TestALimitThatCannotBeKeptIsTold(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	r.run(Definition{Name: "a", Argv: shell("sleep 1000"), Memory: 64 << 20, Tasks: 100})
	r.await(lifecycle.PhaseReady, "a")
	dir := r.options.Cgroup + "/" + serviceTree + "/a"
	for _, c := range []struct{ controller, file, want, key string }{
		{"memory", "memory.max", "67108864\n", "memory"},
		{"pids", "pids.max", "100\n", "tasks"},
	} {
		got, _ := os.ReadFile(dir + "/" + c.file)
		told := strings.Contains(strings.Join(r.Lacks(), "\n"), "no "+c.controller+" controller") &&
			strings.Contains(r.notes("a"), c.key) && strings.Contains(r.notes("a"), "cannot be kept on this kernel")
		if (string(got) == c.want) == told {
			t.Errorf("%s is %q, said is %q and %q", c.file, got, r.Lacks(), r.notes("a"))
		}
	}
}
