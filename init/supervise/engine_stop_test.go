package supervise

import "testing"

func TestStopsAndReadiness(t *testing.T) {
	playAll(t, []scripted{
		{"one that does not stop is killed after its time, and with all its children", `
			define a
			start a -> spawn a
			born a
			stop a -> TERM a
			pass 9s
			pass 1s -> KILL a
			signal a 9
			? a down stopped`},
		{"a main process that stops and leaves children has them killed", `
			define a
			start a -> spawn a
			born a
			stop a -> TERM a
			exit a 0 leaving -> KILL a
			? a stopping stopped
			empty a
			? a down stopped`},
		{"an unkillable process is passed over, and no second copy is started", `
			define a; b needs a
			start b -> spawn a
			born a -> spawn b
			born b
			stop a -> TERM b
			pass 10s -> KILL b
			pass 5s -> TERM a
			? b failed unkillable stuck
			exit a 0
			start a b -> spawn a
			born a
			signal b 9 -> spawn b`},
		{"children that a crash left behind delay the restart until they are gone", `
			define a
			start a -> spawn a
			born a
			exit a 1 leaving -> KILL a
			pass 4s
			empty a
			pass 100ms -> spawn a`},
		{"one that is not ready in time is stopped and tried again", `
			define a notify
			start a -> spawn a
			born a
			pass 30s -> TERM a
			? a stopping not ready within 30s
			exit a 0
			? a backoff not ready within 30s
			pass 100ms -> spawn a`},
		{"a slow exec counts as part of the start", `
			define a
			start a -> spawn a
			forked a
			pass 30s -> TERM a
			pass 10s -> KILL a
			signal a 9
			pass 100ms -> spawn a`},
		{"readiness may be told before the exec is seen", `
			define a notify; b needs a
			start b -> spawn a
			ready a -> spawn b
			born a
			? a ready`},
		{"a service is not ready before it says so", `
			define a notify; b needs a
			start b -> spawn a
			born a
			? a up
			ready a -> spawn b`},
		{"readiness of an earlier process means nothing", `
			define a notify
			start a -> spawn a
			born a
			exit a 1
			pass 100ms -> spawn a
			late ready a
			? a starting`},
	})
}
