package supervise

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"bantam/boottime"
	"bantam/lifecycle"
)

func TestLogLinesStayInOrderOverRestarts(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	// Each process writes 100 lines and dies with the last of them unread and unended.
	count := r.dir + "/count"
	r.run(Definition{Name: "talk", Argv: shell(`n=$(cat ` + count + ` 2>/dev/null || echo 0); end=$((n+100)); echo $end > ` + count + `
		while [ $n -lt $end ]; do echo line $n; n=$((n+1)); done; printf 'last words'; exit 1`)})
	r.within("three restarts", func() bool { return r.state("talk").Restarts >= 3 })
	r.must(r.Stop(ByPlan, "talk"))
	r.await(lifecycle.PhaseDown, "talk")
	want, words, notes := 0, 0, 0
	for _, line := range r.Log("talk", 1<<20) {
		switch {
		case line.Note && strings.HasPrefix(line.Text, "exit status 1"):
			if notes++; want != 100*notes || words != notes {
				t.Fatalf("note %d of an end after line %d and %d last words", notes, want, words)
			}
		case line.Note:
		case line.Text == "last words":
			words++
		case line.Text != fmt.Sprintf("line %d", want):
			t.Fatalf("got %q, want line %d", line.Text, want)
		default:
			want++
		}
	}
	if notes < 3 {
		t.Errorf("%d ends noted, want at least 3", notes)
	}
}

func TestAFloodNeitherStopsTheLoopNorTakesMemory(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	r.run(Definition{Name: "flood", Argv: self("flood")}, Definition{Name: "quiet", Argv: shell("echo still here; sleep 1000")})
	r.await(lifecycle.PhaseReady, "flood", "quiet")
	time.Sleep(time.Second)
	r.must(r.Restart(ByPlan, "flood"))
	r.await(lifecycle.PhaseReady, "flood")
	size := 0
	for _, line := range r.Log("flood", 1<<20) {
		size += len(line.Text) + lineExtra
	}
	if size > ringMost {
		t.Errorf("the log holds %d bytes, want at most %d", size, ringMost)
	}
	r.within("the quiet one is heard", func() bool { return strings.Join(r.output("quiet"), "") == "still here" })
}

// A service may be silent for years before it writes a line, also where an int has 32 bits.
func TestTheLongerASilenceTheMoreMayBeWrittenAfterIt(t *testing.T) {
	for _, owed := range []int{0, intakeBurst, intakeBurst + lineMost} {
		var before intake
		shorter := before.charge(time.Hour, owed) + price(2*intakeBurst)
		for silence := time.Millisecond; silence < never; silence += silence / 3 {
			var i intake
			i.charge(time.Hour, owed)
			wait := i.charge(time.Hour+silence, 2*intakeBurst)
			if wait > shorter || wait < price(intakeBurst) {
				t.Fatalf("owing %d bytes: %v to wait after %v, %v after a shorter silence", owed, wait, silence, shorter)
			}
			shorter = wait
		}
		if shorter != price(intakeBurst) {
			t.Errorf("owing %d bytes: %v to wait in the end, want %v", owed, shorter, price(intakeBurst))
		}
	}
}

// Each of the services below reads as its pipe lets it, and waits as it is told,
// for ten minutes by a clock of the test's own.
func TestFloodsShareWhatThereIsAndTheQuietAreHeardAtOnce(t *testing.T) {
	var i intake
	const floods, length = 5, 10 * time.Minute
	var next [floods + 1]time.Duration // when each may read again; the last is the quiet one
	var taken [floods + 1]int
	for now := time.Duration(0); now < length; now += time.Millisecond {
		for who := range next {
			cost := lineMost * (1 + who%2) // some write short lines
			if who == floods {
				if now%(10*time.Second) != 0 {
					continue
				}
				if cost = 100; next[who] > now {
					t.Fatalf("the quiet one has to wait for %v before its next line", next[who]-now)
				}
			}
			if next[who] <= now {
				next[who] = now + i.charge(now, cost)
				taken[who] += cost
			}
		}
	}
	total := 0
	for who, n := range taken {
		total += n
		if fair := int(length.Seconds()) * intakeRate / floods; who < floods && (n < fair/2 || n > 2*fair) {
			t.Errorf("flood %d got %d bytes, a fair share is %d", who, n, fair)
		}
	}
	if most := int(length.Seconds())*intakeRate + intakeBurst + floods*2*lineMost; total > most {
		t.Errorf("%d bytes in all, want at most %d", total, most)
	}
}

func TestOneWhoFloodsIsMadeToWaitAndThatIsCounted(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	began := boottime.Now()
	r.run(Definition{Name: "flood", Argv: self("flood")})
	noted := false // its own lines soon push the note out of its log
	r.within("it waits, and it is noted", func() bool {
		noted = noted || strings.Contains(r.notes("flood"), "it is made to wait")
		return noted && r.state("flood").LogHeld > 2*noteWait
	})
	// Who really waits cannot have waited for longer than there was time, but for the wait that has just begun.
	held := r.state("flood").LogHeld
	if most := boottime.Now() - began + price(lineMost*(1+lineExtra)); held > most {
		t.Errorf("held for %v, want at most %v", held, most)
	}
}

func TestAPanicOverALineSilencesNobody(t *testing.T) {
	defer func(guard func(string, func())) { Guard = guard }(Guard)
	panics := make(chan string, 100)
	Guard = func(task string, f func()) {
		defer func() {
			if recover() != nil {
				panics <- task
			}
		}()
		f()
	}
	p, err := openLogPipe("talk", nil) // whose first line is one too much
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	fmt.Fprintln(p.write, "one")
	if got := <-panics; got != "log of talk" {
		t.Errorf("panic in %q", got)
	}
	var logs Logs
	p.mu.Lock()
	p.logs = &logs
	p.mu.Unlock()
	_, changed := logs.since("talk", 0)
	fmt.Fprintln(p.write, "two")
	<-changed
	if lines := logs.last("talk", 9); len(lines) != 1 || lines[0].Text != "two" {
		t.Errorf("%+v", lines)
	}
}

// broken panics when it is read.
type broken struct{}

func (broken) Read([]byte) (int, error) { panic("broken") }
func (broken) Close() error             { return nil }

func TestAPanicOverAReportDoesNotHideTheEndOfAProcess(t *testing.T) {
	s := &Supervisor{calls: make(chan func(), 1), ended: make(chan struct{})}
	func() {
		defer func() { _ = recover() }()
		s.awaitReport(&process{}, broken{})
	}()
	if len(s.calls) != 1 {
		t.Error("the process never counts as reported")
	}
}

// The pipe is one for all processes of a service, and so is its mode.
func TestTheOutputOfEveryProcessBlocksWhateverTheLastOneDidToIt(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	r.run(Definition{Name: "talk", Argv: self("nonblock")})
	r.within("two restarts", func() bool { return r.state("talk").Restarts >= 2 })
	for _, text := range r.output("talk") {
		if text != "blocks true" {
			t.Errorf("got %q, want \"blocks true\"", text)
		}
	}
}

const never = 100 * 365 * 24 * time.Hour

func TestFollowSendsWhatIsKeptAndThenWhatComes(t *testing.T) {
	s := &Supervisor{}
	for i := range 5 {
		s.logs.add(&Line{Service: "a", Text: fmt.Sprint(i)})
		s.logs.add(&Line{Service: "b", Text: "other"})
	}
	ctx, cancel := context.WithCancel(context.Background())
	lines := s.Follow(ctx, "a", 2)
	for _, want := range []string{"3", "4"} {
		if got := (<-lines).Text; got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	s.logs.add(&Line{Service: "b", Text: "other"})
	s.logs.add(&Line{Service: "a", Text: "5"})
	if got := (<-lines).Text; got != "5" {
		t.Fatalf("got %q, want 5", got)
	}
	cancel()
	if _, more := <-lines; more {
		t.Error("not closed")
	}
}

func TestFollowWithoutHistoryStartsWithTheNextLine(t *testing.T) {
	s := &Supervisor{}
	s.logs.add(&Line{Service: "a", Text: "old"})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, changed := s.logs.since("a", 0)
	lines := s.Follow(ctx, "a", 0)
	// The follower takes its starting point in its own goroutine; lines are
	// added until it has.
	go func() {
		for i := 0; ctx.Err() == nil; i++ {
			s.logs.add(&Line{Service: "a", Text: fmt.Sprint("new ", i)})
			time.Sleep(time.Millisecond)
		}
	}()
	<-changed
	if got := (<-lines).Text; !strings.HasPrefix(got, "new ") {
		t.Errorf("got %q, want a new line", got)
	}
}

func TestLogsAreBoundedForEachAndTogether(t *testing.T) {
	var logs Logs
	for i := range 3000 {
		logs.add(&Line{Service: "one", Text: fmt.Sprintf("%080d", i)})
	}
	one := logs.last("one", 1<<20)
	if logs.bytes > ringMost || logs.bytes < ringMost/2 {
		t.Errorf("%d bytes kept, want a little below %d", logs.bytes, ringMost)
	}
	if got := one[len(one)-1].Text; got != fmt.Sprintf("%080d", 2999) {
		t.Errorf("newest line %q", got)
	}
	for service := range 40 {
		for i := range 1000 {
			logs.add(&Line{Service: fmt.Sprint("many", service), Text: fmt.Sprintf("%080d", i)})
		}
	}
	if logs.bytes > logsMost {
		t.Errorf("%d bytes kept together, want at most %d", logs.bytes, logsMost)
	}
	sum := 0
	for name, ring := range logs.rings {
		if len(ring.lines) == 0 {
			t.Errorf("the log of %s was emptied for others", name)
		}
		for _, line := range ring.lines {
			sum += line.cost()
		}
	}
	if sum != logs.bytes {
		t.Errorf("%d bytes kept, %d on the books", sum, logs.bytes)
	}
}

func TestAllLogsTogetherAreInOrder(t *testing.T) {
	var logs Logs
	for i := range 100 {
		logs.add(&Line{Service: fmt.Sprint(i % 7), Text: fmt.Sprint(i)})
	}
	for i, line := range logs.last("", 100) {
		if line.Text != fmt.Sprint(i) || line.Seq != uint64(i+1) {
			t.Fatalf("line %d is %q, number %d", i, line.Text, line.Seq)
		}
	}
}

func TestLinesAreCutAtFourKilobytes(t *testing.T) {
	long := strings.Repeat("x", lineMost)
	for _, c := range []struct {
		name   string
		writes []string
		want   []string // a partial line ends in +
	}{
		{"one line", []string{"a\n"}, []string{"a"}},
		{"two lines in one write", []string{"a\nb\n"}, []string{"a", "b"}},
		{"a line in three writes", []string{"a", "b", "c\n"}, []string{"abc"}},
		{"an empty line", []string{"\n"}, []string{""}},
		{"a line that just fits", []string{long + "\n"}, []string{long}},
		{"a line that just fits, its end in another write", []string{long, "\n"}, []string{long}},
		{"one byte too long", []string{long + "y\n"}, []string{long + "+", "y"}},
		{"three times too long", []string{long + long, long + "\n"}, []string{long + "+", long + "+", long}},
		{"no end yet", []string{"a"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &logPipe{service: "s", logs: &Logs{}}
			for _, text := range c.writes {
				p.take([]byte(text))
			}
			var got []string
			for _, line := range p.logs.last("s", 100) {
				if line.Partial {
					line.Text += "+"
				}
				got = append(got, line.Text)
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") || len(got) != len(c.want) {
				t.Errorf("got %d lines %.100q, want %d lines %.100q", len(got), got, len(c.want), c.want)
			}
		})
	}
}
