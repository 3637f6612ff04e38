package pid1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/init/supervise"
	"bantam/system"
)

// The test binary is its own process 1, rescue shell and hostile process.
func TestMain(m *testing.M) {
	switch os.Args[0] {
	case "rescue-shell":
		rescueTestShell()
	case ConsoleName:
		fmt.Printf("%q asks first\n", os.Args[1:])
		rescueTestShell()
	case "stubborn":
		stubborn(os.Args[1])
	case supervise.ShimName:
		os.Exit(supervise.ShimMain(os.Args))
	default:
		run, ok := scenarios[os.Getenv("BANTAM_SCENARIO")]
		if !ok {
			os.Exit(m.Run())
		}
		if os.Getpid() != 1 {
			fmt.Fprintln(os.Stderr, "not process 1")
			os.Exit(1)
		}
		if err := run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(0)
}

// asInit prepares a scenario in namespaces of its own.
func asInit(t *testing.T, scenario string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "BANTAM_SCENARIO="+scenario, "BANTAM_DIR="+t.TempDir())
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	return cmd
}

// output runs a scenario to its end and gives what it said.
func output(t *testing.T, scenario string, env ...string) (string, error) {
	t.Helper()
	out, err := asInit(t, scenario, env...).CombinedOutput()
	return string(out), err
}

func wants(t *testing.T, out string, lines ...string) {
	t.Helper()
	for _, want := range lines {
		if !strings.Contains("\n"+out, "\n"+want+"\n") {
			t.Errorf("no line %q in\n%s", want, out)
		}
	}
}

// endedBy is the signal by which the kernel tells what reboot(2) was asked for
// in a pid namespace: SIGHUP for a restart, SIGINT for halt and power off.
func endedBy(err error) syscall.Signal {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0
	}
	return exit.Sys().(syscall.WaitStatus).Signal()
}

// Whether one of them ends process 1 depends on the moment; that they are ignored does not.
func TestTheSignalsOfCLibrariesAreIgnored(t *testing.T) {
	out, err := output(t, "library")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out, "signal 32 is ignored", "signal 33 is ignored", "signal 34 is ignored")
}

func TestProcessOneOutlivesEverySignal(t *testing.T) {
	cmd := asInit(t, "signals")
	var faults bytes.Buffer
	cmd.Stderr = &faults
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
	defer cmd.Process.Kill()
	lines := bufio.NewReader(out)
	for _, want := range []string{"do not arrive: []\n", "ready\n"} {
		if line, err := lines.ReadString('\n'); line != want {
			t.Fatalf("%q, %v, want %q", line, err, want)
		}
	}
	for n := syscall.Signal(1); n <= 64; n++ {
		switch n {
		case unix.SIGKILL, unix.SIGSTOP: // nothing can withstand them from outside
		default:
			if err := cmd.Process.Signal(n); err != nil {
				t.Fatalf("signal %d: %v", n, err)
			}
		}
	}
	if _, err := io.WriteString(in, "\n"); err != nil {
		t.Fatal(err)
	}
	line, err := lines.ReadString('\n')
	if !strings.HasPrefix(line, "alive after ") {
		t.Fatalf("%q, %v, then %v\n%s", line, err, cmd.Wait(), &faults)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &faults)
	}
}

// What the test above guards against, or it would prove nothing.
func TestProcessOneWithoutHandlersDies(t *testing.T) {
	cmd := asInit(t, "unguarded")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it lived")
	}
}

func TestClosedDescriptorsAreOpenedBeforeAnythingElse(t *testing.T) {
	out, err := output(t, "stdio")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out, "closed [0], the next is true", "closed [1 2], the next is true", "closed [0 1 2], the next is true")
}

func TestThreeThousandOrphansLeaveNoZombie(t *testing.T) {
	out, err := output(t, "orphans")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out, "all reaped: true", "processes: 1")
}

func TestMountsInAnEmptyRoot(t *testing.T) {
	out, err := output(t, "mounts")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out,
		"round 1: errors [], fatal <nil>", "round 2: errors [], fatal <nil>",
		"devtmpfs /dev", "proc /proc", "sysfs /sys", "tmpfs /run", "tmpfs /tmp", "devpts /dev/pts", "tmpfs /dev/shm", "cgroup2 /sys/fs/cgroup",
		"/run 0755", "/run/bantam 0755", "/root 0700", "/bantam 0700", "/etc 0755", "/mnt 0755", "/var 0755", "/var/lib 0755",
		"everybody writes to [/dev/shm 1777 /run/lock 1777 /tmp 1777]",
		"nobody has filled /tmp: no space left on device", "nobody has filled /run/lock: no space left on device",
		"/run/bantam/system.toml: <nil>", "/run/bantam/net/status.json: <nil>", "/run/new: <nil>", "/etc/new: <nil>",
		"/bin/ls -> bantam", "/bin/bantam -> ../init", "/sbin/ls -> bantam", "/usr/bin/sh -> bantam",
		"/etc/resolv.conf -> /run/bantam/net/resolv.conf",
		"essential failure: mount nosuchfs on /b: no such device",
	)
}

func TestRescueServesATerminalUntilSomebodyLeaves(t *testing.T) {
	for _, tt := range []struct {
		word string
		want syscall.Signal
	}{{"reboot", syscall.SIGHUP}, {"poweroff", syscall.SIGINT}} {
		t.Run(tt.word, func(t *testing.T) {
			master, slave := terminal(t)
			cmd := asInit(t, "rescue", "BANTAM_TTY="+slave)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			screen := expect(t, master, "shell vt100> ")
			for _, want := range []string{"could not start the system:", "state volume: bad magic\r\n  second line\r\n"} {
				if !strings.Contains(screen, want) {
					t.Errorf("no %q on the screen:\n%s", want, screen)
				}
			}
			if strings.Contains(screen, "no controlling terminal") {
				t.Errorf("screen:\n%s", screen)
			}
			fmt.Fprint(master, "crash\n") // another shell comes
			expect(t, master, "shell vt100> ")
			fmt.Fprint(master, "\x03") // Ctrl-C is for the shell alone, which dies of it
			expect(t, master, "shell vt100> ")
			fmt.Fprintln(master, tt.word)
			if got := endedBy(cmd.Wait()); got != tt.want {
				t.Errorf("ended by %v, want %v\n%s", got, tt.want, &said)
			}
			wants(t, said.String(), "leaving: "+tt.word)
		})
	}
}

// Where nobody is root unasked, a rescue shell is that of whoever the console's login lets in.
func TestARescueShellAsksForThePasswordWhereAConsoleDoes(t *testing.T) {
	for _, login := range []string{system.LoginPassword, system.LoginNone} {
		master, slave := terminal(t)
		cmd := asInit(t, "rescue", "BANTAM_TTY="+slave, "BANTAM_LOGIN="+login)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Process.Kill()
		want := fmt.Sprintf("%q asks first\r\n", []string{strings.TrimPrefix(slave, "/dev/"), RescueLogin})
		if screen := expect(t, master, "shell vt100> "); !strings.Contains(screen, want) {
			t.Errorf("login %s: no %s on the screen:\n%s", login, want, screen)
		}
		fmt.Fprintln(master, "poweroff")
		cmd.Wait()
	}
}

func TestALineThatHangsUpDoesNotEndTheRescueOnAnother(t *testing.T) {
	unplugged, lost := terminal(t)
	master, slave := terminal(t)
	cmd := asInit(t, "rescue", "BANTAM_TTY="+lost+" "+slave)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	expect(t, unplugged, "shell vt100> ")
	expect(t, master, "shell vt100> ")
	time.Sleep(shortest + 100*time.Millisecond)
	unplugged.Close()
	time.Sleep(200 * time.Millisecond)
	fmt.Fprintln(master, "poweroff")
	cmd.Wait()
	wants(t, said.String(), "leaving: poweroff")
}

// terminal makes a pseudo-terminal.
func terminal(t *testing.T) (master *os.File, slave string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	return master, fmt.Sprintf("/dev/pts/%d", number)
}

// expect reads the terminal up to text.
func expect(t *testing.T, master *os.File, text string) string {
	t.Helper()
	found := make(chan string, 1)
	go func() {
		var screen strings.Builder
		buffer := make([]byte, 4096)
		for !strings.HasSuffix(screen.String(), text) {
			n, err := master.Read(buffer)
			if err != nil && !errors.Is(err, syscall.EIO) { // EIO: nobody has the other side open just now
				found <- screen.String() + err.Error()
				return
			}
			screen.Write(buffer[:n])
		}
		found <- screen.String()
	}()
	select {
	case screen := <-found:
		return screen
	case <-time.After(time.Minute):
		t.Fatalf("the terminal did not show %q", text)
		return ""
	}
}

func TestShutdownLeavesTheStateVolumeClean(t *testing.T) {
	image := filepath.Join(t.TempDir(), "state.img")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 8<<20); err != nil {
		t.Fatal(err)
	}
	tool(t, "e2fsprogs", "mkfs.ext4", "-q", image)
	loop := strings.TrimSpace(tool(t, "mount", "losetup", "--find", "--show", image))
	t.Cleanup(func() { tool(t, "mount", "losetup", "--detach", loop) })

	out, err := output(t, "shutdown", "BANTAM_LOOP="+loop)
	if got, want := endedBy(err), syscall.SIGINT; got != want {
		t.Errorf("ended by %v (%v), want %v\n%s", got, err, want, out)
	}
	wants(t, out, "seed: <nil>, clock: <nil>", `synced, mounted: ["/state"]`) // sync while what hangs can still be written

	if features := tool(t, "e2fsprogs", "dumpe2fs", "-h", loop); strings.Contains(features, "needs_recovery") {
		t.Errorf("the journal was not emptied:\n%s", features)
	}
	tool(t, "e2fsprogs", "e2fsck", "-fn", loop)
	for name, want := range map[string]string{"held": "held", "clock": "T", "seed": ""} {
		if got := tool(t, "e2fsprogs", "debugfs", "-R", "cat /"+name, loop); !strings.Contains(got, want) {
			t.Errorf("%s holds %q, want %q in it", name, got, want)
		}
	}
}

func tool(t *testing.T, debianPackage, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%v; it is in the Debian package %s", err, debianPackage)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}
