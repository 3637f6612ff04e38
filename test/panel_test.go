package test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bantam/gpt"
	"bantam/images"
	"bantam/slot"
	"bantam/test/vm"
)

// pressPower presses the power button once it is listened to, and waits for the end in order.
func (c *console) pressPower() {
	c.t.Helper()
	c.waitFor("ls /sys/class/input", "event")
	c.run("echo 7 > /proc/sys/kernel/printk")
	c.PressPower()
	for _, text := range []string{"the power button was pressed", "poweroff: stopping services", "reboot: Power down"} {
		c.Expect(text)
	}
	c.WaitEnd()
}

// partition is the digest of a partition of a disk.
func partition(t *testing.T, path string, number int) string {
	t.Helper()
	p := tableOf(t, path).Table.Partitions[number-1]
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if n, err := io.Copy(h, io.NewSectionReader(f, int64(p.First)*gpt.SectorSize, int64(p.Last-p.First+1)*gpt.SectorSize)); err != nil || n == 0 {
		t.Fatalf("%d bytes of partition %d: %v", n, number, err)
	}
	return string(h.Sum(nil))
}

// caseLED is that of the PC below: a light of its keyboard, which is the first of its input devices.
const caseLED = "input0::scrolllock"

// imageWithEnter is the image of a PC whose keyboard's Enter is its reset button and a light of which is its status LED.
func imageWithEnter(t *testing.T, systemFile string) (path string) {
	t.Helper()
	forBoard(t, "pc")
	file := filepath.Join(t.TempDir(), "pc-with-a-button.toml")
	pc := read(t, changed(t, "../board/pc.toml", `"button", `, "")) // on a slow host the kernel finds the power key before the keyboard
	if err := os.WriteFile(file, append(pc, "\n[leds]\nstatus = \""+caseLED+"\"\n\n[buttons]\nreset = \"KEY_ENTER\"\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(build(t, file, systemFile), "pc-with-a-button.img")
}

// withEnter is such a PC: its disk, and QEMU's arguments.
func withEnter(t *testing.T) (path string, args []string) {
	t.Helper()
	path = disk(t, imageWithEnter(t, "../examples/pc/system.toml"))
	return path, pc(t, bios, "-drive", virtio(path))
}

// GRUB's menu starts a machine in failsafe, in which it touches nothing that it keeps; the next boot is as usual.
func TestBoardPCHasAFailsafe(t *testing.T) {
	path, args := withEnter(t)
	c := startAs(t, "bantam", args)
	c.write("/state/gate.toml", gateText)
	c.Send("bantam switch /state/gate.toml\r")
	c.Expect("generation 2 runs and is the default")
	c.host = "gate"
	c.prompt()
	state := len(tableOf(t, path).Table.Partitions)
	c.off()
	before := map[int]string{}
	for _, number := range []int{state, slot.State1Number, slot.State2Number} {
		before[number] = partition(t, path, number)
	}

	c = &console{Machine: vm.Start(t, args...), t: t, host: "bantam"}
	stop := c.meanwhile(700*time.Millisecond, func() { c.Send("\x1b") })
	c.Expect("Boot menu: let go of Esc")
	stop()
	c.Expect("Press Esc now, once")
	c.Send("\x1b")
	c.Expect("Bantam, slot A, failsafe")
	c.Send("\x1b[B\x1b[B\x1b[B\r")
	c.Expect("FAILSAFE: bantam.failsafe on the kernel command line")
	c.booted()
	c.settled()
	c.must("cat /proc/cmdline", " bantam.hand bantam.failsafe\n")
	c.must("bantam status", "generation  1, good", "in memory, to be forgotten at the next boot: failsafe, for bantam.failsafe on the kernel command line", "FAILSAFE: ", "boot slots are left as they are")
	c.must("ls /state/gate.toml 2>&1", "no such file")
	c.off()
	for number, want := range before {
		if partition(t, path, number) != want {
			t.Errorf("failsafe has changed partition %d", number)
		}
	}

	c = &console{Machine: vm.Start(t, args...), t: t, host: "gate"}
	c.booted()
	c.must("ls /state/gate.toml", "/state/gate.toml")
}

// A short press of the reset button does nothing; held for ten seconds it has the machine begin anew. At last its power button.
func TestBoardPCHasAFactoryReset(t *testing.T) {
	_, args := withEnter(t)
	c := startAs(t, "bantam", args)
	c.write("/state/mine", "mine\n")
	c.waitFor("ls /sys/class/input", "event")
	c.Key("ret", true)
	time.Sleep(2 * time.Second)
	c.Key("ret", false)
	c.must("bantam state", "/dev/vda")
	if text := c.run("bantam state"); strings.Contains(text, "anew") {
		t.Errorf("after a short press: %s", text)
	}
	c.Key("ret", true)
	c.Expect("FACTORY RESET: the reset button was held for 10s")
	c.Key("ret", false)
	c.booted()
	c.settled()
	c.must("bantam status", "generation  1, good", "it came with the image")
	c.must("ls /state/mine 2>&1", "no such file")
	c.pressPower()
}

// blinks waits until the LED is lit and dark for so many milliseconds in turn.
func (c *console) blinks(on, off string) {
	c.t.Helper()
	const dir = "/sys/class/leds/" + caseLED + "/"
	c.waitFor("cat "+dir+"trigger", "[timer]")
	c.waitFor("cat "+dir+"delay_on "+dir+"delay_off", on+"\n"+off+"\n")
}

func (c *console) lit() {
	c.t.Helper()
	const dir = "/sys/class/leds/" + caseLED + "/"
	c.waitFor("cat "+dir+"trigger", "[none]")
	c.waitFor("cat "+dir+"brightness", "1\n")
}

// seenToBlink waits until who sits before the machine has seen its LED change that often, and gives how long the shortest, the middle and the longest time
// between two changes was.
func (c *console) seenToBlink(l *vm.Lights, often int) (between [3]time.Duration) {
	c.t.Helper()
	_, before, _ := l.Lit(vm.ScrollLock)
	for end := time.Now().Add(vm.Patience); ; time.Sleep(50 * time.Millisecond) {
		_, changes, err := l.Lit(vm.ScrollLock)
		if err != nil {
			c.t.Fatalf("the lights of the keyboard: %v", err)
		}
		if changes = changes[len(before):]; len(changes) > often {
			var times []time.Duration
			for i, change := range changes[1:] {
				times = append(times, change.Sub(changes[i]))
			}
			slices.Sort(times)
			return [3]time.Duration{times[0], times[len(times)/2], times[len(times)-1]}
		}
		if time.Now().After(end) {
			c.t.Fatalf("it was seen to change %d times", len(changes))
		}
	}
}

// seenLit is what who sits before it sees of a machine that is proven.
func (c *console) seenLit(l *vm.Lights) {
	c.t.Helper()
	c.lit()
	_, before, _ := l.Lit(vm.ScrollLock)
	time.Sleep(2 * time.Second)
	if lit, changes, err := l.Lit(vm.ScrollLock); !lit || len(changes) != len(before) || err != nil {
		c.t.Errorf("it is lit: %v, and has changed %d times meanwhile, %v", lit, len(changes)-len(before), err)
	}
}

// The kernel's LED shows a machine that is proven, that tries something, and that has gone back; and one whose flash is written, for as long as it is,
// to the machine itself and to who sits before it. Its disk is a slow one meanwhile, so that there is time to look.
func TestBoardPCShowsByItsLEDHowItIs(t *testing.T) {
	later := imageWithEnter(t, changed(t, "../examples/pc/system.toml", `hostname = "bantam"`, "hostname = \"later\"\nmodules = [\"nbd\"]"))
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(later))))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, args := withEnter(t)
	m, seen := vm.StartWatched(t, args...)
	c := &console{Machine: m, t: t, host: "bantam"}
	c.booted()
	c.settled()
	c.seenLit(seen)
	c.write("/state/new.toml", "hostname = \"bantam\"\n")
	c.run("bantam switch --confirm 600s /state/new.toml > /tmp/said 2>&1 &")
	c.waitFor("bantam status", "waits for `bantam confirm`")
	c.blinks("1000", "1000")
	t.Logf("it tries something: %v between two changes", c.seenToBlink(seen, 4))
	c.run("bantam switch --abort > /dev/null 2>&1")
	c.blinks("100", "900")
	c.must("bantam switch /state/new.toml; echo code $?", "code 0")
	c.seenLit(seen)

	flash := fmt.Sprintf("bantam flash --yes --insecure http://10.0.2.2:%s/%s", port, filepath.Base(later))
	writes := func() {
		t.Helper()
		c.Slow(0, 500_000)
		c.run(flash + " > /tmp/said 2>&1 &")
		c.blinks("100", "100")
		t.Logf("its flash is written: %v between two changes", c.seenToBlink(seen, 20))
	}
	writes()
	c.must(flash+"; echo code $?", "another import is under way", "code 1")
	t.Logf("a second flash was refused: %v between two changes", c.seenToBlink(seen, 20))
	c.blinks("100", "100")
	c.Slow(0, 0)
	c.run("kill %%; wait") // before its switch has begun, behind which it goes on without anybody
	c.seenLit(seen)
	c.must("bantam status", "generation  2, good", "slot B (empty)")
	writes()
	c.Slow(0, 0)
	c.host = "later"
	c.booted()
	c.settled()
	c.must("bantam status", "generation  3, good", "slot B (booted")
	c.seenLit(seen)
	c.off()
}

// The reset button is held while the machine starts: failsafe, which the LED shows, and which leaves alone what the machine keeps.
func TestBoardPCHasAFailsafeByItsResetButton(t *testing.T) {
	path, args := withEnter(t)
	c := startAs(t, "bantam", args)
	c.write("/state/gate.toml", gateText)
	c.Send("bantam switch /state/gate.toml\r")
	c.Expect("generation 2 runs and is the default")
	c.host = "gate"
	c.prompt()
	state := len(tableOf(t, path).Table.Partitions)
	c.off()
	before := partition(t, path, state)

	c = &console{Machine: vm.Start(t, args...), t: t, host: "bantam"}
	stop := c.meanwhile(300*time.Millisecond, func() { c.Key("ret", true) })
	c.Expect("FAILSAFE: the reset button was held")
	stop()
	c.booted()
	c.settled()
	c.Key("ret", false)
	c.blinks("100", "900")
	c.must("bantam status", "failsafe, for the reset button was held", "generation  1, good")
	c.off()
	if partition(t, path, state) != before {
		t.Error("failsafe has changed the state volume")
	}

	c = startAs(t, "gate", args)
	c.lit()
}

// The power key of a board, as pins of its device tree have it.
func TestBoardUBootEndsInOrderByItsPowerKey(t *testing.T) {
	forBoard(t, "qemu-arm64-uboot")
	image := filepath.Join(build(t, "qemu-arm64-uboot", "../examples/qemu-arm64/system.toml"), "qemu-arm64-uboot.img")
	c := startAs(t, "bantam-arm64", onBoard(t, "qemu-arm64-uboot", images.RunOptions{Image: image}))
	c.waitFor("cat /sys/class/input/input*/name", "gpio-keys")
	c.pressPower()
}
