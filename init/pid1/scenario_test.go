package pid1

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// scenarios run as process 1 of a new pid and mount namespace. Each says on
// standard output what it sees; the test beside it reads that.
var scenarios = map[string]func() error{
	"library":   librarySignals,
	"signals":   aliveAfterAllSignals,
	"unguarded": func() error { say("ready"); select {} },
	"stdio":     closedDescriptors,
	"orphans":   orphanStorm,
	"mounts":    mountsInAnEmptyRoot,
	"rescue":    rescueOnATerminal,
	"shutdown":  shutdownWithAStateVolume,
	"damaged":   damagedVolume,
	"watchdog":  watchdogThatComesLate,
	"stuck":     stuckMount,
	"cgroups":   withoutCgroups,
	"lastwords": restartedByItself,
	"proofs":    proofs,
	"hanging":   hanging,
	"folders":   foldersThatLast,
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// aliveAfterAllSignals counts what arrives until its standard input ends.
func aliveAfterAllSignals() error {
	s := CatchSignals()
	say("do not arrive: %v", lostSignals(s))
	var caught atomic.Int64
	go func() {
		for range s.Other {
			caught.Add(1)
		}
	}()
	for _, command := range []string{
		// Every signal that a shell can name, KILL and STOP included, from inside.
		`for n in $(seq 1 31); do kill -$n 1; done`,
		`trap "" TERM; kill -9 -1`,
		`kill -STOP 1; kill -CONT 1`,
	} {
		pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", command}, &syscall.ProcAttr{Env: []string{"PATH=/bin:/usr/bin"}})
		if err != nil {
			return err
		}
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
			return err
		}
	}
	say("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	say("alive after %d signals", caught.Load())
	return nil
}

// librarySignals tells which signals the kernel discards for process 1.
func librarySignals() error {
	CatchSignals()
	status, err := os.ReadFile("/proc/self/status")
	_, text, _ := strings.Cut(string(status), "SigIgn:")
	mask, _ := strconv.ParseUint(strings.Fields(text)[0], 16, 64)
	for n := 1; n <= 64; n++ {
		if mask>>(n-1)&1 != 0 {
			say("signal %d is ignored", n)
		}
	}
	return err
}

// lostSignals sends each signal to this process and lists those that come out
// of neither channel, or of the wrong one.
func lostSignals(s Signals) (lost []syscall.Signal) {
	for n := syscall.Signal(1); n <= 64; n++ {
		switch n {
		case unix.SIGURG, unix.SIGPROF, unix.SIGKILL, unix.SIGSTOP: // the runtime's own, and the kernel's
			continue
		}
		if firstLibrarySignal <= n && n <= lastLibrarySignal {
			continue // ignored
		}
		from := s.Other
		if n == unix.SIGCHLD {
			from = s.Child
		}
		err := unix.Kill(os.Getpid(), n)
		select {
		case got := <-from:
			if got == n && err == nil {
				continue
			}
		case <-time.After(10 * time.Second):
		}
		lost = append(lost, n)
	}
	return lost
}

func closedDescriptors() error {
	out, err := unix.Dup(1) // to report on
	if err != nil {
		return err
	}
	for _, fds := range [][]int{{0}, {1, 2}, {0, 1, 2}} {
		for _, fd := range fds {
			unix.Close(fd)
		}
		if err := Stdio(); err != nil {
			return err
		}
		next, err := unix.Open("/", unix.O_RDONLY, 0)
		if err != nil {
			return err
		}
		unix.Close(next)
		fmt.Fprintf(os.NewFile(uintptr(out), "out"), "closed %v, the next is %v\n", fds, next > 2)
	}
	return nil
}

func orphanStorm() error {
	s := CatchSignals()
	// The inner subshells end after their parents, so that they become ours.
	_, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", `i=0; while [ $i -lt 3000 ]; do (: &) ; i=$((i+1)); done`}, &syscall.ProcAttr{})
	if err != nil {
		return err
	}
	say("all reaped: %v", Shutdown{Signals: s}.reapAll(10*time.Minute))
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	left, err := filepath.Glob("/proc/[0-9]*")
	say("processes: %d", len(left))
	return err
}

// emptyRoot makes a file system in memory the root and leaves the host's behind.
// Nothing of the host is mounted any more, so unmounting cannot reach it, and
// the emergency key cannot be pressed.
func emptyRoot(dir string) error {
	root := filepath.Join(dir, "root")
	return errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		os.MkdirAll(root, 0o755),
		unix.Mount("tmpfs", root, "tmpfs", 0, ""),
		copyLibraries(root),
		os.MkdirAll(root+"/old", 0o755),
		unix.PivotRoot(root, root+"/old"),
		unix.Chdir("/"),
		os.MkdirAll("/proc", 0o755),
		unix.Mount("proc", "/proc", "proc", 0, ""),
		hideEmergencyKey(),
	)
}

// copyLibraries makes the test binary run in the new root also if cgo, as for
// the race detector, has linked it dynamically. A copy, because a bind mount
// would be a disk to unmount.
func copyLibraries(root string) error {
	binary, err := elf.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer binary.Close()
	loader := binary.Section(".interp")
	if loader == nil {
		return nil
	}
	name, err := loader.Data()
	if err != nil {
		return err
	}
	paths := []string{strings.TrimRight(string(name), "\x00")}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(maps)) {
		if fields := strings.Fields(line); len(fields) == 6 && strings.Contains(fields[5], ".so") {
			paths = append(paths, fields[5])
		}
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.MkdirAll(root+filepath.Dir(path), 0o755)
		}
		if err == nil {
			err = os.WriteFile(root+path, data, 0o755)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func hideEmergencyKey() error {
	const key = "/proc/sysrq-trigger"
	if _, err := os.Stat(key); errors.Is(err, os.ErrNotExist) {
		return nil // a kernel without it
	}
	return unix.Mount("/old/dev/null", key, "", unix.MS_BIND, "")
}

func forgetHost() error { return errors.Join(unix.Unmount("/old", unix.MNT_DETACH), os.Remove("/old")) }

func mountsInAnEmptyRoot() error {
	if err := errors.Join(emptyRoot(os.Getenv("BANTAM_DIR")), forgetHost()); err != nil {
		return err
	}
	for round := 1; round <= 2; round++ { // the second time everything is there
		list := append(Mounts(64<<20), Skeleton([]string{"sh", "ls"})...)
		errs, fatal := Make(list)
		say("round %d: errors %v, fatal %v", round, errs, fatal)
	}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var seen []string
	for line := range strings.Lines(string(text)) {
		before, after, _ := strings.Cut(line, " - ")
		seen = append(seen, strings.Fields(after)[0]+" "+strings.Fields(before)[4])
	}
	slices.Sort(seen)
	for _, line := range slices.Compact(seen) {
		say("%s", line)
	}
	for _, path := range []string{"/run", "/run/bantam", "/root", "/bantam", "/etc", "/mnt", "/var", "/var/lib"} {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			return err
		}
		say("%s %04o", path, st.Mode&0o7777)
	}
	open, err := openToAll()
	if err != nil {
		return err
	}
	say("everybody writes to %v", open)
	for _, path := range pathsOf(open) {
		say("nobody has filled %s: %v", path, fillAsNobody(path))
	}
	for _, path := range []string{"/run/bantam/system.toml", netDir + "/status.json", "/run/new", "/etc/new"} {
		say("%s: %v", path, os.WriteFile(path, make([]byte, 900<<10), 0o644))
	}
	for _, path := range []string{"/bin/ls", "/bin/bantam", "/sbin/ls", "/etc/resolv.conf", "/usr/bin/sh"} {
		target, _ := os.Readlink(path)
		say("%s -> %s", path, target)
	}
	say("essential failure: %v", essentialFailure())
	return nil
}

func essentialFailure() error {
	errs, fatal := Make([]Creator{
		Mount{Type: "nosuchfs", Target: "/a"},
		Mount{Type: "nosuchfs", Target: "/b", Must: true},
		File{"/proc/x", 0o644, "x"},
		Mount{Type: "nosuchfs", Target: "/none", IfPresent: true},
	})
	if len(errs) != 3 {
		return fmt.Errorf("%d errors, want 3: %v", len(errs), errs)
	}
	return fatal
}

// rescueOnATerminal has the slave of a pseudo-terminal as its console.
func rescueOnATerminal() error {
	s := CatchSignals()
	if err := errors.Join(emptyRoot(os.Getenv("BANTAM_DIR")),
		os.Mkdir("/dev", 0o755),
		unix.Mount("/old/dev", "/dev", "", unix.MS_BIND|unix.MS_REC, ""),
		forgetHost()); err != nil {
		return err
	}
	consoles := []string{"none"}
	for _, path := range strings.Fields(os.Getenv("BANTAM_TTY")) {
		tty, err := filepath.Rel("/dev", path)
		if err != nil {
			return err
		}
		consoles = append(consoles, tty)
	}
	rescue := Rescue{Reason: errors.New("state volume: bad magic\nsecond line"), Signals: s, Consoles: consoles, Argv: []string{"rescue-shell"}}
	if login := os.Getenv("BANTAM_LOGIN"); login != "" {
		rescue.Login = func(string) string { return login }
	}
	action := rescue.Run()
	say("leaving: %v", action)
	if disks := diskMounts(""); len(disks) > 0 {
		return fmt.Errorf("would unmount %q", disks)
	}
	Shutdown{Action: action, Signals: s}.Run()
	return nil
}

// rescueTestShell is what the scenario's Rescue executes.
func rescueTestShell() {
	signal.Ignore(unix.SIGHUP) // it leaves at the end of its input, as sh does with status 0 or 129
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err != nil {
		fmt.Println("no controlling terminal:", err)
	} else {
		tty.Close()
	}
	fmt.Printf("shell %v> ", os.Getenv("TERM"))
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "crash":
			os.Exit(2)
		case "reboot":
			_ = unix.Kill(1, Restart.Signal())
		case "poweroff":
			_ = unix.Kill(1, PowerOff.Signal())
		}
	}
}

// shutdownWithAStateVolume ends with a real ext4 whose file a process that
// ignores SIGTERM holds open.
func shutdownWithAStateVolume() error {
	s := CatchSignals()
	if err := errors.Join(
		emptyRoot(os.Getenv("BANTAM_DIR")),
		os.Mkdir("/dev", 0o755),
		unix.Mount("/old/dev", "/dev", "", unix.MS_BIND|unix.MS_REC, ""),
		os.Mkdir("/state", 0o755),
		unix.Mount(os.Getenv("BANTAM_LOOP"), "/state", "ext4", 0, ""),
		forgetHost()); err != nil {
		return err
	}
	ready, w, err := os.Pipe()
	if err != nil {
		return err
	}
	_, err = syscall.ForkExec("/proc/self/exe", []string{"stubborn", "/state/held"}, &syscall.ProcAttr{Files: []uintptr{0, w.Fd(), 2}})
	if err != nil {
		return err
	}
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		return err
	}
	if disks := diskMounts("/state"); !slices.Equal(disks, []string{"/state"}) {
		return fmt.Errorf("would unmount %q", disks)
	}
	Shutdown{Action: PowerOff, Signals: s, Volume: "/state", Save: func() {
		say("seed: %v, clock: %v", SaveSeed("/state/seed"), SaveClock("/state/clock"))
	}, sync: func() {
		say("synced, mounted: %q", diskMounts("/state"))
		unix.Sync()
	}}.Run()
	return nil
}

// stubborn holds a file and does not care for SIGTERM.
func stubborn(path string) {
	CatchSignals()
	f, err := os.Create(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(f, "held")
	fmt.Print("r")
	select {}
}
