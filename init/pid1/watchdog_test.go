package pid1

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/init/kmod"
)

// kicks is a watchdog of one second, and each kick of it.
func kicks(t *testing.T) (w *Watchdog, each <-chan bool) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Dup(int(write.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	write.Close()
	w = AdoptWatchdog(fd, time.Second)
	t.Cleanup(func() { w.f.Close(); read.Close() })
	came := make(chan bool, 100)
	go func() {
		for b := make([]byte, 1); ; came <- true {
			if _, err := read.Read(b); err != nil {
				return
			}
		}
	}()
	<-came // the one by which it was adopted
	return w, came
}

func TestASlowDiskAtShutdownIsNotCutOffByTheWatchdog(t *testing.T) {
	w, each := kicks(t)
	ended := Shutdown{Watchdog: w}.within(time.Minute, func() { // e.g. sync
		select {
		case <-each:
		case <-time.After(time.Minute):
			t.Error("no kick in 20 s")
		}
	})
	if !ended {
		t.Error("it did not end in time")
	}
}

// The kernel's drivers stop for those who write V and close, and only for them.
func TestADisarmedWatchdogWasToldSo(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	fd, err := unix.Dup(int(write.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	write.Close()
	w := AdoptWatchdog(fd, time.Second)
	w.Kick()
	w.Disarm()
	if all, err := io.ReadAll(read); err != nil || string(all) != "\x00\x00V" {
		t.Errorf("it got %q, %v; want two kicks, V and the end", all, err)
	}
}

func TestRescueFeedsAWatchdogThatIsArmedLater(t *testing.T) {
	var armed atomic.Pointer[Watchdog]
	signals := Signals{Child: make(chan os.Signal, 1), Other: make(chan os.Signal, 1)}
	rescue := Rescue{Reason: errors.New("a test"), Signals: signals, Watchdog: armed.Load, Consoles: []string{"none"}, dev: t.TempDir()}
	ended := make(chan Action)
	go func() { ended <- rescue.Run() }()
	w, each := kicks(t)
	armed.Store(w)
	select {
	case <-each:
	case <-time.After(time.Minute):
		t.Error("no kick in 20 s")
	}
	signals.Other <- Restart.Signal()
	if action := <-ended; action != Restart {
		t.Errorf("ended by %v", action)
	}
}

// As that of a module of system.toml, which no device asks for.
func TestAWatchdogThatComesLateIsArmed(t *testing.T) {
	out, err := output(t, "watchdog")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out, "first: none", "then: unnamed, 1m0s", "and still: unnamed, 1m0s")
}

func watchdogThatComesLate() error {
	if err := errors.Join(emptyRoot(os.Getenv("BANTAM_DIR")), forgetHost(), os.Mkdir("/dev", 0o755)); err != nil {
		return err
	}
	p := &initProcess{}
	autoloader := p.drivers()
	say("first: %v", p.watchdog.Load())
	if err := os.WriteFile("/dev/watchdog", nil, 0o600); err != nil {
		return err
	}
	comes := kmod.Event{Action: "add", Subsystem: "misc", DevName: "watchdog"}
	if autoloader.Notify != nil {
		autoloader.Notify(comes)
	}
	say("then: %v", p.watchdog.Load())
	if err := os.Remove("/dev/watchdog"); err != nil { // as one that is open cannot be opened again
		return err
	}
	if autoloader.Notify != nil {
		autoloader.Notify(comes)
	}
	p.armWatchdog()
	say("and still: %v", p.watchdog.Load())
	return nil
}
