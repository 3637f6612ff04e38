package pid1

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/switcher"
	"bantam/tty/ttytest"
)

// aConsole is a terminal below /dev/pts, and PID 1 that listens to it.
func aConsole(t *testing.T, words string) (person *os.File, p *initProcess) {
	t.Helper()
	person, line := ttytest.Open(t)
	name := filepath.Base(line.Name())
	p = &initProcess{consoles: []string{name}, cmdline: ParseCmdline(words), machine: &Machine{logins: &logins{last: map[string]string{}}}}
	return person, p
}

func (p *initProcess) listens(t *testing.T) {
	t.Helper()
	p.menu = listen("/dev/pts", p.consoles, p.cmdline)
	t.Cleanup(p.menu.close)
}

func TestABootWithoutAKeyAsksNobodyAndWaitsForNothing(t *testing.T) {
	_, p := aConsole(t, "quiet")
	p.listens(t)
	if _, _, wanted := p.menuWanted(switcher.Offer{Short: 2}); wanted {
		t.Error("asked for")
	}
}

func TestKeysThatWaitedBeforePID1OpenedTheTerminalCount(t *testing.T) {
	person, p := aConsole(t, "")
	// As the kernel leaves its console: open, in lines, with echo.
	if _, err := person.WriteString("  "); err != nil {
		t.Fatal(err)
	}
	p.listens(t)
	awaitKnock(t, p)
	why, patience, wanted := p.menuWanted(switcher.Offer{})
	if why != "" || patience != menuPatience || !wanted {
		t.Errorf("%q, %v, wanted %v", why, patience, wanted)
	}
}

// awaitKnock waits until something has been read.
func awaitKnock(t *testing.T, p *initProcess) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		p.menu.mu.Lock()
		until, asked := p.menu.lines[0].knock.Until(), p.menu.lines[0].knock.Asked()
		p.menu.mu.Unlock()
		if until > 0 || asked {
			return
		}
	}
	t.Fatal("no key was read")
}

func TestASecondKeyIsWaitedForWhereThereWasAFirst(t *testing.T) {
	person, p := aConsole(t, "")
	p.listens(t)
	person.WriteString(" ")
	awaitKnock(t, p)
	go func() {
		time.Sleep(100 * time.Millisecond)
		person.WriteString(" ")
	}()
	if _, _, wanted := p.menuWanted(switcher.Offer{}); !wanted {
		t.Error("the second key came too late")
	}
}

func TestOneKeyAloneHoldsABootForASecondAndNoise(t *testing.T) {
	for _, noise := range []string{" ", "\xff\x00\xff", "[    0.812345] virtio_blk\r\n"} {
		person, p := aConsole(t, "")
		p.listens(t)
		person.WriteString(noise)
		if noise == " " {
			awaitKnock(t, p)
		}
		began := boottime.Now()
		if _, _, wanted := p.menuWanted(switcher.Offer{}); wanted {
			t.Errorf("%q has opened the menu after %v", noise, boottime.Now()-began)
		}
	}
}

func TestWhoElseWantsTheMenu(t *testing.T) {
	for _, c := range []struct {
		words    string
		short    int
		why      string
		patience time.Duration
		wanted   bool
	}{
		{"quiet", 3, "3 boots in a row ended too early", 30 * time.Second, true},
		{"bantam.menu", 0, "bantam.menu on the kernel command line", 30 * time.Second, true},
		{"bantam.menu=5", 0, "bantam.menu on the kernel command line", 5 * time.Second, true},
		{"bantam.menu=x", 0, "bantam.menu on the kernel command line", 30 * time.Second, true},
		{"bantam.menu=99999", 0, "bantam.menu on the kernel command line", 999 * time.Second, true},
		{"bantam.menu=0", 3, "", 0, false},
	} {
		_, p := aConsole(t, c.words)
		p.listens(t)
		why, patience, wanted := p.menuWanted(switcher.Offer{Short: c.short})
		if why != c.why || wanted != c.wanted || patience != c.patience {
			t.Errorf("%s, %d short boots: %q, %v, wanted %v", c.words, c.short, why, patience, wanted)
		}
	}
}

func TestWhatComesAfterTheChoiceIsTheShells(t *testing.T) {
	person, p := aConsole(t, "")
	p.listens(t)
	person.WriteString(" ")
	awaitKnock(t, p)
	if got := p.offer(switcher.Offer{}); got != 0 {
		t.Errorf("chosen: %d", got)
	}
	person.WriteString("ls")
	if got := typed(t, p.menu.lines[0].fd, 2); got != "ls" {
		t.Errorf("the terminal has %q for the shell", got)
	}
	if got := p.offer(switcher.Offer{Short: 3}); got != 0 {
		t.Errorf("chosen when the shells are there: %d", got)
	}
}

// lateKey is a console whose reader takes a key while the console is left.
type lateKey struct {
	left  <-chan struct{}
	taken bool
}

func (k *lateKey) Read(b []byte) (int, error) {
	<-k.left
	if k.taken {
		return 0, os.ErrDeadlineExceeded
	}
	time.Sleep(20 * time.Millisecond) // the processor has other things to do
	k.taken = true
	b[0] = ' '
	return 1, nil
}

func TestNobodyReadsAConsoleOnceItIsLeft(t *testing.T) {
	_, p := aConsole(t, "")
	p.listens(t)
	p.menu.read(0, &lateKey{left: p.menu.over})
	p.menu.leave()
	p.menu.mu.Lock()
	defer p.menu.mu.Unlock()
	if p.menu.lines[0].knock.Until() == 0 {
		t.Error("a reader is still at it")
	}
}

func TestWhereAChoiceWasWaitedForInVainNoMenuIsShownBesideTheShells(t *testing.T) {
	_, p := aConsole(t, "")
	p.listens(t)
	never := make(chan struct{})
	if p.menu.asks(never, never, 0) {
		t.Error("there is a menu")
	}
	if p.menu.show() {
		t.Error("shown where the shells are")
	}
	_, p = aConsole(t, "")
	p.listens(t)
	if !p.menu.show() || !p.menu.asks(never, never, time.Minute) {
		t.Error("none is shown in time")
	}
	p.menu.leave()
	if p.menu.asks(never, never, time.Minute) {
		t.Error("it is over")
	}
}

// typed reads so many bytes as a shell does. How many wait (TIOCINQ) is no answer: the kernel may hold some back until somebody
// asks for them.
func typed(t *testing.T, fd, n int) string {
	t.Helper()
	got, b := "", make([]byte, 64)
	for len(got) < n {
		if ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 60_000); ready == 0 || err != nil && err != unix.EINTR {
			t.Fatalf("only %q is in the terminal: %v", got, err)
		}
		if read, err := unix.Read(fd, b); err == nil {
			got += string(b[:read])
		}
	}
	return got
}

// A terminal that nobody reads takes 4 KB and no more.
func TestAStoppedTerminalHoldsNoBoot(t *testing.T) {
	_, p := aConsole(t, "")
	p.listens(t)
	line := p.menu.lines[0]
	unix.IoctlSetInt(line.fd, unix.TCXONC, unix.TCOOFF)
	for range 1000 {
		line.write(bytes.Repeat([]byte("x"), 100))
	}
	if len(line.pending) == 0 || len(line.pending) > menuPending {
		t.Errorf("%d bytes wait", len(line.pending))
	}
}

func TestRowsOfTheMenuSayWhatAPersonShouldKnow(t *testing.T) {
	rows := menuRows([]switcher.Offered{
		{Listed: switcher.Listed{Entry: switcher.Entry{Number: 3, State: switcher.StateBad, Reason: "no", Label: "lab"}, Default: true}, Layers: []string{"+web"}},
		{Fault: "it needs another kernel"},
	})
	if len(rows) != 2 || rows[0].Number != 3 || rows[0].State != "bad" || rows[0].Reason != "no" || rows[0].Label != "lab" ||
		strings.Join(rows[0].Marks, " ") != "default" || strings.Join(rows[0].Packages, " ") != "+web" || rows[1].Fault != "it needs another kernel" {
		t.Errorf("%+v", rows)
	}
}

func TestTheMenuIsNotForWhoHasToLogIn(t *testing.T) {
	person, p := aConsole(t, "")
	p.listens(t)
	if _, err := person.WriteString("  "); err != nil {
		t.Fatal(err)
	}
	awaitKnock(t, p)
	p.menu.lock(map[string]bool{p.consoles[0]: true})
	for _, short := range []int{0, 3} {
		if _, _, wanted := p.menuWanted(switcher.Offer{Short: short}); wanted {
			t.Errorf("after %d boots that ended too early it is shown", short)
		}
	}
	if p.menu.knocked() {
		t.Error("two keys have asked for it")
	}
	p.menu.lock(nil)
	if !p.menu.knocked() {
		t.Error("they do not where everybody is root")
	}
}
