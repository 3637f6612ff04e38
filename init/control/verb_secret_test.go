package control

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/init/secret"
	"bantam/tty/ttytest"
)

func TestSecretsAreListedWithoutTheirValues(t *testing.T) {
	set := time.Date(2026, 11, 29, 5, 0, 0, 0, time.UTC)
	socket := answering(t, nil, func(Request) Frame {
		return Reply([]Secret{{Name: "key.pem", Set: set, UsedBy: []string{"file /etc/key", "service web"}}, {Name: "old", Set: set}, {Name: "token", UsedBy: []string{"service db"}}})
	})
	for _, args := range [][]string{{"secret", "list"}, {"secret"}} {
		code, out, _ := runVerb(socket, args...)
		const want = "key.pem  2026-11-29 05:00  file /etc/key, service web\nold      2026-11-29 05:00  unused\ntoken    not set           service db\n"
		if code != ExitGood || out != want {
			t.Errorf("code %d\n%s", code, out)
		}
	}
}

func TestASecretsValueIsNoArgument(t *testing.T) {
	code, out, errs := runVerb("", "secret", "set", "token", "hush")
	if code != ExitUsage || out != "" || !strings.Contains(errs, "the value comes from standard input") || strings.Contains(errs, "hush") {
		t.Errorf("code %d, %q, %q", code, out, errs)
	}
}

// A value is not typed in vain.
func TestABadNameIsRefusedBeforeTheValueIsRead(t *testing.T) {
	code, out, errs := runVerb("", "secret", "set", "Bad Name")
	if code != ExitError || out != "" || !strings.HasPrefix(errs, `bantam secret: "Bad Name" is not a name for a secret: use lower-case letters`) {
		t.Errorf("code %d, %q, %q", code, out, errs)
	}
}

func TestCheckRemarksOnSecretsThatAreNotSet(t *testing.T) {
	const text = "[service.db]\ncommand = [\"db\"]\nuser = \"nobody\"\nenv = { A = { secret = \"a\" }, B = { secret = \"b\" } }\n[file.\"/etc/c\"]\ntext = { secret = \"c\" }\n"
	socket := answering(t, nil, func(r Request) Frame {
		if r.Verb == "draft" {
			return Reply(Draft{Text: text})
		}
		return Reply([]Secret{{Name: "a", Set: time.Now()}, {Name: "c"}})
	})
	code, out, _ := runVerb(socket, "check")
	want := fmt.Sprintf("%[1]s:4:35: remark: service.db.env.B: secret b is not set here; bantam secret set b\n"+
		"%[1]s:6:8: remark: file.\"/etc/c\".text: secret c is not set here; bantam secret set c\n%[1]s: no faults\n", DraftPath)
	if code != ExitGood || out != want {
		t.Errorf("code %d\n%swant\n%s", code, out, want)
	}
}

func TestAValueIsReadFromAPipeAsItIs(t *testing.T) {
	for _, value := range []string{"hush", "a\nb\n", "", "\x00", strings.Repeat("x", secret.MostBytes), strings.Repeat("x", secret.MostBytes+1)} {
		in, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			out.WriteString(value)
			out.Close()
		}()
		got, err := readSecret(in, &bytes.Buffer{}, "token")
		if (err != nil) != (len(value) > secret.MostBytes) || err == nil && string(got) != value {
			t.Errorf("%d bytes: %d read, %v", len(value), len(got), err)
		}
		in.Close()
	}
}

func TestAValueIsAskedForWithoutEcho(t *testing.T) {
	for keys, want := range map[string]string{"hu\x7fhush\r": "hhush", "\r": "", "\x04": "nothing is changed", "ab\x04\x04": "nothing is changed"} {
		master, slave := ttytest.Open(t)
		before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		asked := &firstWrite{said: make(chan bool)}
		go func() {
			<-asked.said
			if now, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS); err != nil || now.Lflag&unix.ECHO != 0 {
				t.Errorf("asked while what is typed is shown: %+v, %v", now, err)
			}
			master.WriteString(keys)
		}()
		value, err := readSecret(slave, asked, "token")
		got := string(value)
		if err != nil {
			got = err.Error()
		}
		if got != want || strings.Contains(asked.String(), "hush") {
			t.Errorf("%q: got %q, said %q", keys, got, asked.String())
		}
		after, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
		if err != nil || *after != *before {
			t.Errorf("the terminal is left with %+v, %v, want %+v", after, err, before)
		}
	}
}

// firstWrite tells of its first write.
type firstWrite struct {
	bytes.Buffer
	said chan bool
	once bool
}

func (w *firstWrite) Write(b []byte) (int, error) {
	if !w.once {
		w.once = true
		close(w.said)
	}
	return w.Buffer.Write(b)
}
