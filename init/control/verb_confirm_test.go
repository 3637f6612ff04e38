package control

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/tty"
	"bantam/tty/ttytest"
)

// seat is a person at a terminal on which a question is asked.
type seat struct {
	t      *testing.T
	master *os.File
	q      *question
	said   chan answer
	seen   string
}

func sitDown(t *testing.T, lines bool) *seat {
	t.Helper()
	master, slave := ttytest.Open(t)
	return &seat{t: t, master: master, said: make(chan answer, 1),
		q: &question{in: slave, out: slave, lines: lines, mine: func() bool { return true }, second: 10 * time.Millisecond}}
}

func (s *seat) ask(left time.Duration) {
	s.t.Helper()
	if err := s.q.ask(left, func(a answer) { s.said <- a }); err != nil {
		s.t.Fatal(err)
	}
	s.sees("goes back ")
}

// sees reads what is shown until it holds text.
func (s *seat) sees(text string) {
	s.t.Helper()
	buf := make([]byte, 4096)
	for !strings.Contains(s.seen, text) {
		n, err := s.master.Read(buf)
		if err != nil {
			s.t.Fatalf("%v; seen %q", err, s.seen)
		}
		s.seen += string(buf[:n])
	}
}

func (s *seat) type_(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.master, text); err != nil {
		s.t.Fatal(err)
	}
}

// silent says whether nobody has answered when the question is withdrawn.
func (s *seat) silent() bool {
	s.q.withdraw()
	select {
	case <-s.said:
		return false
	default:
		return true
	}
}

func TestTheConsoleOfASwitchAsksWhetherToKeepIt(t *testing.T) {
	for _, c := range []struct {
		keys  string
		lines bool
		want  answer
	}{
		{"\r", false, keepIt}, {"y", false, keepIt}, {"Y", false, keepIt}, {"n", false, goBack}, {"N", false, goBack},
		{"\x1b[24;80R\r", false, keepIt}, {"what?\rn", false, goBack}, {"x\r\r", false, keepIt},
		{"\x1b[200~y\x1b[201~\rn", false, goBack},
		{"\n", true, keepIt}, {"y\n", true, keepIt}, {"n\n", true, goBack}, {"maybe\nno\n", true, goBack},
	} {
		s := sitDown(t, c.lines)
		s.ask(time.Hour)
		s.type_(c.keys)
		if got := <-s.said; got != c.want {
			t.Errorf("%q is the answer %d, want %d", c.keys, got, c.want)
		}
		s.q.withdraw()
		if modes, err := unix.IoctlGetTermios(int(s.q.in.Fd()), unix.TCGETS); err != nil || modes.Lflag&unix.ICANON == 0 || modes.Lflag&unix.ECHO == 0 {
			t.Errorf("%q: the terminal is left as %+v, %v", c.keys, modes, err)
		}
	}
}

func TestWhatWasTypedBeforeTheQuestionDoesNotAnswerIt(t *testing.T) {
	for _, lines := range []bool{false, true} {
		s := sitDown(t, lines)
		s.type_("y\r\ny")
		waitReadable(t, s.q.in)
		s.ask(time.Hour)
		s.type_("n\n")
		if got := <-s.said; got != goBack {
			t.Errorf("lines %v: %d", lines, got)
		}
	}
}

// waitReadable returns once the kernel holds what was typed.
func waitReadable(t *testing.T, f *os.File) {
	t.Helper()
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}}, 10000); n != 1 {
		t.Fatalf("poll: %d, %v", n, err)
	}
}

func TestATerminalThatHangsUpAnswersNothing(t *testing.T) {
	s := sitDown(t, false)
	s.ask(time.Hour)
	s.master.Close()
	<-s.q.ended
	if !s.silent() {
		t.Error("it answered")
	}
}

func TestAQuestionThatIsWithdrawnGivesTheTerminalBack(t *testing.T) {
	s := sitDown(t, false)
	s.ask(time.Hour)
	if !s.silent() || !tty.Is(s.q.in) {
		t.Error("it answered")
	}
}

func TestKeysForAnotherJobAreNotRead(t *testing.T) {
	s := sitDown(t, false)
	s.q.mine = func() bool { return false }
	s.ask(time.Hour)
	s.type_("y")
	waitReadable(t, s.q.in)
	if !s.silent() {
		t.Error("it took the key of another job")
	}
}

func TestTheSecondsCountDownInPlaceInFewBytes(t *testing.T) {
	s := sitDown(t, false)
	s.ask(2 * time.Second)
	s.sees("\r0 s")
	rest := s.seen[strings.Index(s.seen, "goes back ")+len("goes back "):]
	if !regexp.MustCompile(`^(\r[0-2] s)+$`).MatchString(rest) {
		t.Errorf("%q is more than the seconds", rest)
	}
	if got := seconds(59*time.Second, len(seconds(10*time.Minute, 0))); got != " 59 s" {
		t.Errorf("%q is narrower than before", got)
	}
	s.q.withdraw()

	s = sitDown(t, true)
	s.ask(time.Second)
	s.type_("n\n")
	<-s.said
	s.q.withdraw()
	if strings.Contains(strings.ReplaceAll(s.seen, "\r\n", ""), "\r") {
		t.Errorf("a dumb terminal got %q", s.seen)
	}
}
