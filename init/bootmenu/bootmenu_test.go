package bootmenu

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite golden files")

func day(n int) time.Time { return time.Date(2026, 11, n, 18, 2, 0, 0, time.UTC) }

// three are the generations of most tests.
func three() Options {
	return Options{
		Rows: []Row{
			{Number: 1, Made: day(1), State: "good", Marks: []string{"image"}},
			{Number: 2, Made: day(9), State: "bad", Reason: "service web: exit status 1", Packages: []string{"+nginx", "~libc6"}},
			{Number: 12, Made: day(28), State: "good", Marks: []string{"default"}},
		},
		Next: 12, Consoles: []string{"ttyS0", "tty1"}, Patience: 30 * time.Second,
	}
}

// person sits at consoles and at the clock.
type person struct {
	*Menu
	now  time.Duration
	seen []string
}

func sit(o Options) *person {
	p := &person{Menu: Open(0, o), seen: make([]string, len(o.Consoles))}
	p.look()
	p.wait(time.Second) // for keys that have opened the menu to be let go
	return p
}

func (p *person) look() {
	for i := range p.seen {
		p.seen[i] += string(p.Output(i))
	}
}

// wait lets time pass, as the loop around a menu does.
func (p *person) wait(d time.Duration) {
	for end := p.now + d; ; {
		due := p.Due()
		if due == 0 || due > end {
			p.now = end
			return
		}
		p.now = max(p.now, due)
		p.Tick(p.now)
		p.look()
	}
}

// types presses keys one after the other, ESC [ and a letter as one.
func (p *person) types(console int, all string) {
	for all != "" {
		n := 1
		if strings.HasPrefix(all, "\x1b[") {
			n = 3
		}
		p.Input(p.now, console, []byte(all[:n]))
		p.wait(100 * ms)
		all = all[n:]
	}
}

// screen is what a terminal that knows CR and LF shows.
func screen(text string) string {
	var rows []string
	row, col := []byte{}, 0
	for _, c := range []byte(text) {
		switch c {
		case '\r':
			col = 0
		case '\n':
			rows = append(rows, strings.TrimRight(string(row), " "))
			row, col = row[:0], 0
		default:
			if col == len(row) {
				row = append(row, c)
			}
			row[col] = c
			col++
		}
	}
	return strings.Join(append(rows, strings.TrimRight(string(row), " ")), "\n") + "\n"
}

func TestWhatKeysChoose(t *testing.T) {
	const none, up, dn = -9, "\x1b[A", "\x1b[B"
	for _, c := range []struct {
		name, keys string
		want       int
	}{
		{"Enter is what starts anyway", "\r", 0},
		{"an arrow up", up + "\r", 2},
		{"two up and one down", up + up + dn + "\r", 2},
		{"arrows stop at the ends", up + up + up + up + "\r", 1},
		{"and at the other one", up + dn + dn + dn + "\r", 0},
		{"arrows of application mode", "\x1bOA\r", 2},
		{"a digit", "2\r", 2},
		{"two digits", "12\r", 0},
		{"a digit that the longer number begins with", "1\r", 1},
		{"another number after one", "21\r", 1},
		{"Backspace takes a digit away", "12\x7f\r", 1},
		{"and the last one", "2\x7f\r", 0},
		{"a digit after an arrow begins anew", "1" + up + "2\r", 2},
		{"f is what the image carries", "f\r", Itself},
		{"in capitals", "F\r", Itself},
		{"an arrow leads back from it", "f" + up + "\r", 0},
		{"a number alone chooses nothing", "2", none},
		{"f alone chooses nothing", "f", none},
		{"a number that is not there", "7\r", none},
		{"letters do nothing", "xyz", none},
		{"Enter among them does nothing", "x\r", 0}, // one key at a time: Enter by itself
	} {
		p := sit(three())
		keys := c.keys
		if strings.HasPrefix(keys, "\x1bO") {
			p.Input(p.now, 0, []byte(keys[:3]))
			p.wait(100 * ms)
			keys = keys[3:]
		}
		p.types(0, keys)
		got, over := p.Chosen()
		if !over {
			got = none
		}
		if got != c.want {
			t.Errorf("%s: %d, want %d\n%s", c.name, got, c.want, screen(p.seen[0]))
		}
	}
}

func TestBurstsOfAProgramThatTypes(t *testing.T) {
	for bytes, want := range map[string]int{"2\r": 2, "\x1b[A\x1b[A\r": 1, "f\r": Itself, "\r\n": 0, "\x1b[24;80R2\r": 2} {
		p := sit(three())
		p.Input(p.now, 0, []byte(bytes))
		p.wait(time.Second)
		if got, over := p.Chosen(); !over || got != want {
			t.Errorf("%q: %d, over %v", bytes, got, over)
		}
	}
}

func TestAnArrowThatArrivesInPiecesIsNoEscape(t *testing.T) {
	p := sit(three())
	for _, piece := range []string{"\x1b", "[", "A"} {
		p.Input(p.now, 0, []byte(piece))
		p.wait(300 * ms)
	}
	p.types(0, "\r")
	if got, over := p.Chosen(); !over || got != 2 {
		t.Errorf("chosen %d, over %v", got, over)
	}
}

func TestEscapeAndPatienceLetTheBootGoOn(t *testing.T) {
	p := sit(three())
	p.types(0, "2\x1b")
	if _, over := p.Chosen(); over {
		t.Error("ESC is taken before it is known that nothing follows")
	}
	p.wait(escape)
	if got, over := p.Chosen(); !over || got != 0 {
		t.Errorf("after Esc: %d, over %v", got, over)
	}
	p = sit(three())
	p.types(0, "2")
	p.wait(29 * time.Second)
	if _, over := p.Chosen(); over {
		t.Error("over before its time")
	}
	p.wait(2 * time.Second)
	if got, over := p.Chosen(); !over || got != 0 {
		t.Errorf("after 30 s: %d, over %v", got, over)
	}
}

func TestNoiseHoldsNothingAndKeysNotForEver(t *testing.T) {
	for _, c := range []struct {
		key    string
		within time.Duration
	}{{"\xff", 31 * time.Second}, {"x", 31 * time.Second}, {" ", 31 * time.Second}, {"\x1b[A", longest + time.Second}} {
		p := sit(three())
		for p.now < c.within {
			p.Input(p.now, 0, []byte(c.key))
			p.wait(500 * ms)
		}
		if got, over := p.Chosen(); !over || got != 0 {
			t.Errorf("%q twice a second: %d, over %v", c.key, got, over)
		}
	}
}

func TestKeysThatHaveOpenedTheMenuChooseNothing(t *testing.T) {
	for _, key := range []string{"\r", "\x1b", " ", "\r\n"} {
		for _, gap := range []time.Duration{33 * ms, 150 * ms, 400 * ms} {
			p := &person{Menu: Open(0, three()), seen: make([]string, 2)}
			for range 20 { // held, or pressed again and again
				p.Input(p.now, 0, []byte(key))
				p.wait(gap)
			}
			p.wait(3 * time.Second)
			if _, over := p.Chosen(); over {
				t.Errorf("%q every %v", key, gap)
			}
			p.types(0, "\r")
			if _, over := p.Chosen(); !over {
				t.Errorf("%q every %v: Enter does nothing after it", key, gap)
			}
		}
	}
}

func TestTheFirstThatChoosesWinsAndTheOthersAreTold(t *testing.T) {
	p := sit(three())
	p.types(0, "1")
	p.types(1, "2\r")
	p.types(0, "\r")
	if got, over := p.Chosen(); !over || got != 2 {
		t.Errorf("%d, over %v", got, over)
	}
	if !strings.HasSuffix(p.seen[0], "\ntty1 chose generation 2\n") || !strings.HasSuffix(p.seen[1], "\nstarting generation 2\n") {
		t.Errorf("told %q and %q", p.seen[0], p.seen[1])
	}
}

func TestARescueShellHoldsTheMenuUntilItEnds(t *testing.T) {
	p := sit(three())
	p.types(0, "r\r")
	if got := p.Rescues(); fmt.Sprint(got) != "[0]" || p.Rescues() != nil {
		t.Fatalf("asked for on %v", got)
	}
	p.Input(p.now, 0, []byte("2\r")) // which the shell gets
	p.wait(time.Hour)
	if _, over := p.Chosen(); over {
		t.Fatal("the boot went on")
	}
	p.Back(p.now, 0)
	p.look()
	p.wait(time.Second)
	p.types(0, "r\r")
	p.Rescues()
	p.types(1, "1\r") // somebody else has not got that patience
	if got, over := p.Chosen(); !over || got != 1 {
		t.Errorf("%d, over %v", got, over)
	}
	if strings.Contains(p.seen[0], "chose") {
		t.Error("the rescue shell's terminal is written to")
	}
	p.Back(p.now, 0)
	if p.look(); strings.Count(p.seen[0], "Boot menu") != 2 {
		t.Error("shown when it was over")
	}
}

func TestWhatCannotStartIsNotChosen(t *testing.T) {
	o := three()
	o.Rows[1].Fault = "it needs kernel 6.12.0"
	p := sit(o)
	p.types(0, "2\r")
	if _, over := p.Chosen(); over || !strings.Contains(screen(p.seen[0]), "2 cannot start: it needs kernel 6.12.0") {
		t.Errorf("over %v:\n%s", over, screen(p.seen[0]))
	}
}

func TestAnotherKernelIsChosenIfASlotStartsIt(t *testing.T) {
	o := three()
	o.Rows[1].Fault, o.Rows[1].Slot = "it needs kernel 6.12.0", "B"
	p := sit(o)
	p.types(0, "2")
	if text := screen(p.seen[0]); !strings.Contains(text, "Enter reboots into 2 from slot B, this once") || strings.Contains(text, "cannot") {
		t.Error(text)
	}
	p.types(0, "\r")
	if got, over := p.Chosen(); !over || got != 2 {
		t.Errorf("%d, over %v", got, over)
	}
	o.Live = true
	p = sit(o)
	p.types(0, "2\r")
	if _, over := p.Chosen(); over {
		t.Error("chosen for the running kernel")
	}
}

func TestWithoutGenerationsThereIsTheImage(t *testing.T) {
	p := sit(Options{Consoles: []string{"ttyS0"}, Patience: time.Minute})
	p.types(0, "\x1b[A\r")
	if got, over := p.Chosen(); !over || got != 0 {
		t.Errorf("%d, over %v", got, over)
	}
}

func TestALoopBackPlugChoosesNothing(t *testing.T) {
	for every := time.Duration(1); every < 39; every += 4 {
		for _, each := range []int{1, 3, 16, 40, 4096} {
			p := &person{Menu: Open(0, three()), seen: make([]string, 2)}
			back := "" // on its way
			for p.now < 40*time.Second {
				p.look()
				back += strings.ReplaceAll(p.seen[0], "\n", "\r\n")
				p.seen[0] = ""
				if n := min(each, len(back)); n > 0 {
					p.Input(p.now, 0, []byte(back[:n]))
					back = back[n:]
				}
				p.wait(every * ms)
				if got, over := p.Chosen(); over {
					if got != 0 || p.now < 29*time.Second {
						t.Errorf("%d bytes every %v ms: chose %d after %v", each, int(every), got, p.now)
					}
					break
				}
			}
		}
	}
}

// Once a line has sent back what was sent, gaps do not make it a person any more.
func TestALineThatSendsBackIsDeafHoweverSlowItIs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 11))
	for range 200 {
		p := &person{Menu: Open(0, three()), seen: make([]string, 2)}
		p.look()
		back := strings.ReplaceAll(p.seen[0], "\n", "\r\n")
		p.Input(0, 0, []byte(back[:20]))
		for back = back[20:]; back != ""; {
			n := min(1+rng.IntN(5), len(back))
			p.Input(p.now, 0, []byte(back[:n]))
			p.wait(time.Duration(rng.IntN(300)) * ms)
			back = back[n:]
			if _, over := p.Chosen(); over && p.now < 29*time.Second {
				t.Fatalf("chose, %d bytes before the end", len(back))
			}
		}
	}
}

func TestGoldenScreens(t *testing.T) {
	many := three()
	many.Rows = nil
	for n := range 25 {
		many.Rows = append(many.Rows, Row{Number: n + 1, Made: day(n + 1), State: "good"})
	}
	many.Next, many.Why = 3, "3 boots in a row ended too early"
	odd := three()
	odd.Rows[1].Reason = "Grüße\x1b[2J\x07 and " + strings.Repeat("much ", 30)
	odd.Rows[0].State = "interrupted"
	live := three()
	live.Live, live.Patience = true, 0
	for _, c := range []struct {
		name string
		o    Options
		keys string
	}{
		{"opened", three(), ""}, {"selected", three(), "\x1b[A"}, {"rescue", three(), "r"}, {"image", three(), "f"}, {"nothere", three(), "7"},
		{"many", many, ""}, {"odd", odd, "2"}, {"live", live, ""}, {"live-selected", live, "2"}, {"empty", Options{Consoles: []string{"ttyS0"}, Patience: time.Minute}, ""},
	} {
		p := sit(c.o)
		p.types(0, c.keys)
		got := screen(p.seen[0])
		path := filepath.Join("testdata", c.name+".txt")
		if *update {
			os.MkdirAll("testdata", 0o755)
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || string(want) != got {
			t.Errorf("%s: %v, got\n%s", path, err, got)
		}
		for _, line := range strings.Split(got, "\n") {
			if len(line) > columns {
				t.Errorf("%s: %d columns: %s", c.name, len(line), line)
			}
		}
		if i := strings.IndexFunc(p.seen[0], func(r rune) bool { return r > '~' || r < ' ' && r != '\r' && r != '\n' }); i >= 0 {
			t.Errorf("%s: sends %q", c.name, p.seen[0][i:min(i+8, len(p.seen[0]))])
		}
	}
}

// 9600 baud are 960 bytes a second.
func TestBytesOnTheWire(t *testing.T) {
	o := three()
	p := &person{Menu: Open(0, o), seen: make([]string, 2)}
	p.look()
	opened := len(p.seen[0])
	p.wait(time.Second)
	p.seen[0] = ""
	p.types(0, "\x1b[A")
	key := len(p.seen[0])
	p = sit(o)
	p.seen[0] = ""
	p.wait(40 * time.Second)
	silent := len(p.seen[0])
	var rows []Row
	for n := range 100 {
		rows = append(rows, Row{Number: n, State: "good", Reason: strings.Repeat("long ", 40)})
	}
	o.Rows = rows
	p = &person{Menu: Open(0, o), seen: make([]string, 2)}
	p.look()
	t.Logf("list of three %d, a key %d, thirty seconds %d, list of a hundred %d", opened, key, silent, len(p.seen[0]))
	if opened > 400 || key > 80 || silent > 80 || len(p.seen[0]) > 1300 {
		t.Errorf("list of three %d, a key %d, thirty seconds %d, list of a hundred %d", opened, key, silent, len(p.seen[0]))
	}
}

func FuzzMenu(f *testing.F) {
	f.Add([]byte("12\r"), uint8(50))
	f.Add([]byte("\x1b[A\x1b[B\r"), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, gap uint8) {
		p := sit(three())
		for i := range b {
			p.Input(p.now, i%2, b[i:i+1])
			p.wait(time.Duration(gap) * ms)
			p.Rescues()
		}
		for i := range p.seen {
			p.Back(p.now, i)
		}
		p.wait(40 * time.Second)
		if choice, over := p.Chosen(); !over {
			t.Error("it goes on for ever")
		} else if choice != 0 && choice != Itself && p.at(choice) < 0 {
			t.Errorf("chose %d", choice)
		}
	})
}
