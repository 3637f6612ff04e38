package main

import (
	"strings"
	"testing"

	"bantam/system"
	"bantam/tty/ttytest"
	"bantam/yescrypt"
)

func TestAPasswordBecomesALineOfSystemTOML(t *testing.T) {
	for _, in := range []string{"correct horse", "correct horse\n"} {
		r := bantam(in, "password")
		r.expect(t, exitOK, "password = \"$y$j8T$", "")
		s, problems := system.Parse("system.toml", []byte("[user.anna]\nuid = 1000\n"+r.out))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if h, ok := yescrypt.Parse(s.Users["anna"].Password); !ok || !h.Of([]byte("correct horse")) {
			t.Errorf("%q: %s is not its hash", in, r.out)
		}
	}
	for in, want := range map[string]string{"": "is empty", "\n": "is empty", "a\nb\n": "more than one line", "a\tb": "control characters", strings.Repeat("a", 1025): "more than 1024 bytes"} {
		r := bantam(in, "password")
		r.expect(t, exitFault, "", want)
	}
	bantam("", "password", "word").expect(t, exitUsage, "", "on a command line others see it")
}

func TestAPasswordIsAskedForTwiceAndNotShown(t *testing.T) {
	for again, want := range map[string]string{"correct horse": "", "wrong horse": "the two differ"} {
		person, line := ttytest.Open(t)
		c := &call{stdin: line, stdout: new(strings.Builder), stderr: line}
		done := make(chan error, 1)
		var text string
		go func() {
			var err error
			text, err = c.password()
			done <- err
		}()
		var screen strings.Builder
		read := func(until string) {
			var b [1]byte
			for !strings.HasSuffix(screen.String(), until) {
				if _, err := person.Read(b[:]); err != nil {
					t.Fatal(err)
				}
				screen.WriteByte(b[0])
			}
		}
		read("not shown): ")
		person.WriteString("correct horse\n")
		read("again: ")
		person.WriteString(again + "\n")
		err := <-done
		if got := ""; err != nil && err.Error() != want || err == nil && (want != got || text != "correct horse") {
			t.Errorf("%q: %q, %v, want %q", again, text, err, want)
		}
		if strings.Contains(screen.String(), "horse") {
			t.Errorf("it was shown: %q", screen.String())
		}
	}
}
