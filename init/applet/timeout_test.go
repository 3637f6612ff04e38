package applet

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// The status of timeout as its callers rely on it, beside GNU's.
func TestTimeoutEndsAsGNU(t *testing.T) {
	for _, args := range [][]string{
		{"10", "true"},
		{"10", "sh", "-c", "exit 7"},
		{"0.1", "sleep", "100"},
		{"--preserve-status", "--signal=INT", "0.1", "sleep", "100"},
		{"--foreground", "0.1", "sleep", "100"},
		{"-s", "KILL", "0.1", "sleep", "100"},
		{"-s", "CONT", "-k", "0.1", "0.1", "sleep", "100"},
		{"--foreground", "-s", "CONT", "-k", "0.1", "0.1", "sleep", "100"},
		{"10", "sh", "-c", "kill -USR1 $$"},
		{"10", "./nothing"},
		{"10", "/etc/passwd"},
		{"10"},
		{"x", "true"},
		{"-s", "NOSUCH", "1", "true"},
		{"--nonsense", "1", "true"},
		{"0", "true"},
		{"1d", "true"},
		{"--", "1", "true"},
		{"0.1", "sh", "-c", "trap 'exit 3' TERM; while :; do sleep 1; done"},
	} {
		theirs := exec.Command(needTool(t, "timeout", "coreutils"), args...)
		theirs.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		theirs.Run()
		ours := applet(t, "timeout", args...)
		ours.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		var errs bytes.Buffer
		ours.Stderr = &errs
		ours.Run()
		if got, want := ours.ProcessState.String(), theirs.ProcessState.String(); got != want {
			t.Errorf("timeout %q: got %s (%s), want %s", args, got, errs.String(), want)
		}
	}
}

func TestTimeoutEndsTheChildrenOfTheCommandToo(t *testing.T) {
	// The pipe stays open as long as somebody has it.
	out, err := applet(t, "timeout", "0.1", "sh", "-c", "sleep 1000 & sleep 1000").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitTimedOut {
		t.Errorf("got %v, %q", err, out)
	}
}

func TestTheHelpOfACommandThatIsRunIsItsOwn(t *testing.T) {
	for _, args := range [][]string{{"timeout", "5", "ls", "--help"}, {"env", "ls", "--help"}, {"nohup", "ls", "--help"}, {"xargs", "ls", "--help"}} {
		out, err := applet(t, args[0], args[1:]...).Output()
		if err != nil || strings.Contains(string(out), "usage: "+args[0]) {
			t.Errorf("%q: got %v, %q", args, err, out)
		}
	}
	out, err := applet(t, "timeout", "--help").Output()
	if err != nil || !strings.HasPrefix(string(out), "usage: timeout ") {
		t.Errorf("got %v, %q", err, out)
	}
}

func TestNohupIgnoresTheHangup(t *testing.T) {
	t.Chdir(t.TempDir())
	out, err := applet(t, "nohup", "sh", "-c", "kill -HUP $$; echo alive").Output()
	if err != nil || string(out) != "alive\n" {
		t.Errorf("got %v, %q", err, out)
	}
	if _, err := os.Stat("nohup.out"); err == nil {
		t.Error("it made nohup.out though output is no terminal")
	}
	err = applet(t, "nohup", "./nothing").Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 127 {
		t.Errorf("a missing command: got %v, want status 127", err)
	}
}

// script gives its command a terminal.
func TestNohupOnATerminalWritesAFile(t *testing.T) {
	script := needTool(t, "script", "bsdutils")
	t.Chdir(t.TempDir())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(script, "-qec", self+" sh -c 'echo out; echo err >&2; cat'", "/dev/null")
	cmd.Env = append(os.Environ(), "APPLET_TEST_RUN=nohup")
	out, _ := cmd.CombinedOutput()
	text, err := os.ReadFile("nohup.out")
	if err != nil {
		t.Fatal(err, string(out))
	}
	if !strings.HasPrefix(string(text), "out\nerr\n") {
		t.Errorf("got %q", text)
	}
	info, err := os.Stat("nohup.out")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v", info.Mode())
	}
}
