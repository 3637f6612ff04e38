package applet

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFindMatchesNamesThatAreNoUTF8(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "\xff"), "")
	write(t, filepath.Join(dir, "b\xe9"), "")
	for pattern, want := range map[string]string{"?": dir + "/\xff\n", "b?": dir + "/b\xe9\n", "*\xe9": dir + "/b\xe9\n"} {
		out, err := applet(t, "find", dir, "-name", pattern).CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("%q: got %q, %v, want %q", pattern, out, err, want)
		}
	}
}

func TestMessagesSendNoCommandsToTheTerminal(t *testing.T) {
	var errs strings.Builder
	Run("cat", []string{"/nonexistent/\x1b[2J\u009b2J"}, Stdio{strings.NewReader(""), &strings.Builder{}, &errs})
	if got, want := errs.String(), "cat: /nonexistent/?[2J?2J: no such file or directory\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPsShowsNoControlCharacters(t *testing.T) {
	sleep := exec.Command("sleep", "100")
	sleep.Args[0] = "evil\x1b[2J\u009b\n"
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { sleep.Process.Kill(); sleep.Wait() }()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		out, err := applet(t, "ps").Output()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsAny(out, "\x1b\u009b") {
			t.Fatalf("ps passes control characters on: %q", out)
		}
		if strings.Contains(string(out), "evil?[2J??") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the process is not listed: %s", out)
		}
	}
}

// TestALineIsPassedOnWhenItComes is tail -f log | grep x: the line must not
// wait for 32 kB of others.
func TestALineIsPassedOnWhenItComes(t *testing.T) {
	for _, args := range [][]string{{"grep", "x"}, {"sed", "s/y/z/"}, {"cut", "-c", "1-3"}, {"tr", "a", "b"}, {"cat", "-n"}, {"hexdump", "-C"}, {"head", "-n", "5"}} {
		cmd := applet(t, args[0], args[1:]...)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		in.Write([]byte("x is 16 bytes..\n"))
		got := make(chan int, 1)
		go func() { n, _ := out.Read(make([]byte, 100)); got <- n }()
		select {
		case n := <-got:
			if n == 0 {
				t.Errorf("%q: printed nothing", args)
			}
		case <-time.After(time.Minute):
			t.Errorf("%q: the line did not come", args)
		}
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	}
}

func TestTailFollowsARotatedLogWithoutLosingItsLastLines(t *testing.T) {
	log := write(t, t.TempDir()+"/log", "first\n")
	cmd := applet(t, "tail", "-F", log)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	lines := make(chan string, 10)
	go func() {
		r := newLineReader(out)
		for {
			line, err := r.next()
			if err != nil {
				return
			}
			lines <- line
		}
	}()
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-lines:
			if got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("waited in vain for %q", want)
		}
	}
	expect("first\n")
	f, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("last of the old\n")
	f.Close()
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, log, "first of the new\n")
	expect("last of the old\n")
	expect("first of the new\n")
}

func TestDdPutsZerosForWhatCannotBeRead(t *testing.T) {
	// Memory at address 0 is not mapped: reading it is an error.
	cmd := applet(t, "dd", "if=/proc/self/mem", "bs=4096", "count=2", "conv=noerror,sync", "status=none")
	out, _ := cmd.Output()
	if !bytes.Equal(out, make([]byte, 8192)) {
		t.Errorf("got %d bytes, want 8192 zeros", len(out))
	}
}

func TestOptionsAreNeverIgnored(t *testing.T) {
	for _, line := range []string{"dd oflag=sync if=/dev/null", "dd status=progress if=/dev/null", "stat -f /", "umount -a /nonexistent", "xargs -P 2 true", "dmesg -n 1",
		"nc -q 1 localhost 1", "env -0", "grep --color x /dev/null", "id -r", "kill 4294967295", "sed s/a/\\Ub/ /dev/null"} {
		args := strings.Fields(line)
		var out, errs strings.Builder
		code, _ := Run(args[0], args[1:], Stdio{strings.NewReader(""), &out, &errs})
		if code == 0 || errs.Len() == 0 {
			t.Errorf("%s: status %d, %q", line, code, errs.String())
		}
	}
}

func TestEnvBecomesItsCommand(t *testing.T) {
	cmd := applet(t, "env", "A=1", "sh", "-c", "echo $$")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.TrimSpace(out.String()), strconv.Itoa(cmd.Process.Pid); got != want {
		t.Errorf("the command is process %s, want %s", got, want)
	}
}

func TestWcCountsWithoutKeepingTheLine(t *testing.T) {
	path := t.TempDir() + "/long"
	write(t, path, "")
	if err := os.Truncate(path, 400<<20); err != nil {
		t.Skip(err)
	}
	cmd := applet(t, "wc", path)
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "419430400") {
		t.Fatalf("got %q, %v", out, err)
	}
	if used := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss; used > 200<<10 {
		t.Errorf("took %d kB of memory for one long line", used)
	}
}

func TestWhatIsAFolderIsSaidInWords(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("q/d", 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := os.Create("out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"mv", "q", "q/d"}, "mv: q: cannot move a folder into itself, q/d/q\n"},
		{[]string{"cat", "q"}, "cat: q: is a directory\n"},
	} {
		var errs strings.Builder
		code, _ := Run(c.args[0], c.args[1:], Stdio{In: strings.NewReader(""), Out: out, Err: &errs})
		if code != 1 || errs.String() != c.want {
			t.Errorf("%q: code %d, %q; want 1, %q", c.args, code, errs.String(), c.want)
		}
	}
}
