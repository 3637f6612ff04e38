package supervise

import (
	"testing"
	"time"
)

func TestFallsAndBackOff(t *testing.T) {
	playAll(t, []scripted{
		{"back-off doubles from 100 ms to 30 s and never gives up", `
			define a
			start a -> spawn a
			exit a 1
			pass 99ms
			pass 1ms -> spawn a
			exit a 1
			pass 200ms -> spawn a
			exit a 1
			pass 400ms -> spawn a
			exit a 1
			pass 800ms -> spawn a
			exit a 1
			pass 1600ms -> spawn a
			exit a 1
			pass 3200ms -> spawn a
			exit a 1
			pass 6400ms -> spawn a
			exit a 1
			pass 12800ms -> spawn a
			exit a 1
			pass 25600ms -> spawn a
			exit a 1
			pass 29s
			pass 1s -> spawn a
			exit a 1
			pass 30s -> spawn a`},
		{"30 s up make the next failure a first one", `
			define a
			start a -> spawn a
			exit a 1
			pass 100ms -> spawn a
			born a
			pass 30s
			exit a 1
			pass 100ms -> spawn a
			born a
			pass 29s
			exit a 1
			pass 100ms
			pass 100ms -> spawn a`},
		{"a clean end is restarted always, and with on-failure never", `
			define a; b onfailure
			start a b -> spawn a, spawn b
			born a
			born b
			exit a 0
			exit b 0
			? a backoff exit status 0
			? b down exit status 0 stuck
			pass 100ms -> spawn a`},
		{"restart never ends in failed", `
			define a never
			start a -> spawn a
			born a
			exit a 1
			? a failed exit status 1 stuck
			pass 1h`},
		{"a fork that fails is tried again whatever the policy", `
			define a never
			start a -> spawn a
			fork a
			? a backoff fork: resource temporarily unavailable
			pass 100ms -> spawn a`},
		{"an executable that appears is picked up", `
			define a
			start a -> spawn a
			exec a ENOENT
			pass 100ms -> spawn a
			born a
			? a ready`},
		{"three falls are a crash loop, however often it was ready; 10 s ready end it until it falls again", `
			define a
			start a -> spawn a
			born a
			exit a 1
			pass 100ms -> spawn a
			born a
			exit a 0
			? a backoff exit status 0
			pass 200ms -> spawn a
			born a
			? a ready
			exit a 1
			? a backoff exit status 1 looping
			pass 400ms -> spawn a
			born a
			? a ready looping
			pass 9s
			? a ready looping
			pass 1s
			? a ready
			exit a 1
			? a backoff exit status 1 looping`},
		{"what fell after some time is looping until it has been ready for twice as long, 30 s at most", `
			define a
			start a -> spawn a
			born a
			pass 8s
			exit a 1
			pass 100ms -> spawn a
			born a
			exit a 1
			pass 200ms -> spawn a
			born a
			exit a 1
			pass 400ms -> spawn a
			born a
			pass 15s
			? a ready looping
			pass 1s
			? a ready
			pass 9s
			exit a 1
			? a backoff exit status 1 looping
			pass 800ms -> spawn a
			born a
			pass 29s
			? a ready looping
			pass 1s
			? a ready`},
		{"falls that are minutes apart are no crash loop", `
			define a
			start a -> spawn a
			born a
			exit a 1
			pass 3m -> spawn a
			born a
			exit a 1
			pass 3m -> spawn a
			born a
			exit a 1
			? a backoff exit status 1`},
		{"who asks for a service anew begins to count anew", `
			define a
			start a -> spawn a
			exit a 1
			pass 1s -> spawn a
			exit a 1
			pass 1s -> spawn a
			exit a 1
			pass 1s -> spawn a
			born a
			? a ready looping
			hand restart a -> TERM a
			exit a 0 -> spawn a
			born a
			? a ready`},
		{"what is not started for lack of a secret waits for that, and crash-loops never", `
			define db; web needs db
			start web -> spawn db
			lack db
			pass 1s -> spawn db
			lack db
			pass 1s -> spawn db
			lack db
			pass 1s -> spawn db
			lack db
			? db backoff waits for secret x
			? web down waits for db, and that for secret x
			pass 1s -> spawn db
			born db -> spawn web
			? db ready
			exit db 1
			? db backoff exit status 1`},
		{"what has to stop is not crash-looping, and losing a need is no fall", `
			define db; web needs db
			start web -> spawn db
			born db -> spawn web
			born web
			exit db 1 -> TERM web
			exit web 0
			pass 1s -> spawn db
			born db -> spawn web
			born web
			exit db 1 -> TERM web
			exit web 0
			pass 1s -> spawn db
			born db -> spawn web
			born web
			exit db 1 -> TERM web
			exit web 0
			? db backoff exit status 1 looping
			? web down waits for db: exit status 1
			stop db
			? db down stopped`},
	})
}

func TestJitterStaysWithinATenth(t *testing.T) {
	for _, c := range []struct {
		random float64
		want   time.Duration
	}{{0, 900 * time.Millisecond}, {0.5, time.Second}, {1, 1100 * time.Millisecond}} {
		if got := jittered(time.Second, c.random); got != c.want {
			t.Errorf("jittered(1s, %v) = %v, want %v", c.random, got, c.want)
		}
	}
}
