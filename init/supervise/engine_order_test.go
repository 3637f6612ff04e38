package supervise

import "testing"

func TestOrderOfServicesAndOneShots(t *testing.T) {
	playAll(t, []scripted{
		{"a service that needs another starts when that is ready and stops before it", `
			define db; web needs db
			start web -> spawn db
			? web down waits for db: starting
			born db -> spawn web
			born web
			? web ready
			stop db -> TERM web
			? db stopping stopped
			? web stopping lost db
			exit web 0 -> TERM db
			exit db 0
			? db down stopped
			? web down waits for db: stopped stuck
			start db -> spawn db
			born db -> spawn web`},
		{"services that do not depend on each other start at once", `
			define a; b; c needs a b
			start c -> spawn a, spawn b
			born a
			born b -> spawn c`},
		{"losing a need stops its dependents, and they return with it", `
			define db; web needs db; ui needs web
			start ui -> spawn db
			born db -> spawn web
			born web -> spawn ui
			born ui
			signal db 11 -> TERM ui
			? db backoff signal 11 (segmentation fault)
			exit ui 0 -> TERM web
			pass 100ms -> spawn db
			born db
			exit web 0 -> spawn web
			born web -> spawn ui`},
		{"what is wanted may fail, but its outcome is waited for", `
			define log; web wants log
			start web -> spawn log
			exec log ENOENT -> spawn web
			? log backoff exec log: no such file or directory`},
		{"what is wanted and held back by something that failed is not waited for", `
			define disk oneshot; log needs disk; web wants log
			start web -> spawn disk
			exit disk 1 -> spawn web
			? disk failed exit status 1 stuck
			? log down waits for disk: exit status 1 stuck`},
		{"order alone starts nothing", `
			define log; web after log
			start web -> spawn web`},
		{"order holds between services that start anyway, and backwards when they stop", `
			define log; web after log
			start web log -> spawn log
			born log -> spawn web
			born web
			halt -> TERM web
			exit web 0 -> TERM log`},
		{"the wanted outlives the loss of what wants it", `
			define log; web wants log
			start web -> spawn log
			born log -> spawn web
			born web
			exit log 1
			? web ready`},
		{"a one-shot is ready when it has ended well, and has no process", `
			define mount oneshot; web needs mount
			start web -> spawn mount
			born mount
			? mount up
			exit mount 0 -> spawn web
			? mount ready`},
		{"a one-shot's leftovers are killed before it counts as done", `
			define mount oneshot; web needs mount
			start web -> spawn mount
			born mount
			exit mount 0 leaving -> KILL mount
			empty mount -> spawn web`},
		{"a one-shot that has done its work stops after its dependents, without a signal", `
			define mount oneshot; web needs mount
			start web -> spawn mount
			exit mount 0 -> spawn web
			born web
			stop mount -> TERM web
			exit web 0
			? mount down stopped`},
		{"a one-shot that fails is not started again", `
			define mount oneshot
			start mount -> spawn mount
			exit mount 3
			? mount failed exit status 3 stuck
			pass 1h
			start mount -> spawn mount`},
		{"who waits says for what in the end, and why that is not there", `
			define db notify; web needs db; ui needs web; late after ui
			start late ui -> spawn db
			? ui down waits for web, and that for db: starting
			born db
			? ui down waits for web, and that for db: it is not ready yet
			? late down waits for ui, and that for db: it is not ready yet
			exit db 7 -> spawn late
			? ui down waits for web, and that for db: exit status 7
			hand stop db
			? ui down waits for web, and that for db: stopped by hand stuck`},
	})
}
