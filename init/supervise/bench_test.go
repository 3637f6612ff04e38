package supervise

import (
	"fmt"
	"os"
	"runtime/debug"
	"testing"

	"bantam/lifecycle"
)

func BenchmarkStartAndStopOfAService(b *testing.B) {
	if !asInit(b) {
		return
	}
	r := supervise(b)
	r.must(r.Define([]Definition{{Name: "a", Argv: []string{"sleep", "1000"}}}))
	for b.Loop() {
		r.must(r.Start(ByPlan, "a"))
		r.await(lifecycle.PhaseReady, "a")
		r.must(r.Stop(ByPlan, "a"))
		r.await(lifecycle.PhaseDown, "a")
	}
}

func BenchmarkRunForTheResult(b *testing.B) {
	if !asInit(b) {
		return
	}
	r := supervise(b)
	for b.Loop() {
		_, _, err := r.RunOnce(b.Context(), Definition{Argv: []string{"true"}})
		r.must(err)
	}
}

// BenchmarkMemoryWithFiftyServices reports what PID 1 takes with 50 services
// that have each written 100 lines. The test binary itself is part of it.
func BenchmarkMemoryWithFiftyServices(b *testing.B) {
	if !asInit(b) {
		return
	}
	debug.SetGCPercent(20)
	r := supervise(b)
	before := anonymous(b)
	var defs []Definition
	for i := range 50 {
		defs = append(defs, Definition{Name: fmt.Sprintf("s%d", i), Argv: shell("seq 100; exec sleep 1000")})
	}
	r.run(defs...)
	r.await(lifecycle.PhaseReady)
	r.within("all have written", func() bool { return len(r.output("s49")) == 100 })
	for b.Loop() {
	}
	debug.FreeOSMemory()
	b.ReportMetric(float64(anonymous(b)-before), "kB-more")
	b.ReportMetric(float64(anonymous(b)), "kB")
	threads, _ := os.ReadDir("/proc/self/task")
	b.ReportMetric(float64(len(threads)), "threads")
}

func anonymous(b *testing.B) int {
	b.Helper()
	n := counter("/proc/self/smaps_rollup", "Anonymous:")
	if n < 0 {
		b.Fatal("/proc/self/smaps_rollup has no Anonymous")
	}
	return n
}
