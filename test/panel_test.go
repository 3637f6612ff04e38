package test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
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

// withEnter is a PC whose keyboard's Enter is its reset button: its disk, and QEMU's arguments.
func withEnter(t *testing.T) (path string, args []string) {
	t.Helper()
	forBoard(t, "pc")
	file := filepath.Join(t.TempDir(), "pc-with-a-button.toml")
	if err := os.WriteFile(file, append(read(t, "../board/pc.toml"), "\n[buttons]\nreset = \"KEY_ENTER\"\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	path = disk(t, filepath.Join(build(t, file, "../examples/pc/system.toml"), "pc-with-a-button.img"))
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

// panelled is QEMU's arm64 machine with an LED and a reset button, on pins of its GPIO controller, as a board has them in its device tree.
type panelled struct {
	t     *testing.T
	args  []string
	disk  string
	lines string // socket by which the pins are set
}

func newPanelled(t *testing.T) *panelled {
	t.Helper()
	forBoard(t, "qemu-arm64-uboot")
	dir := t.TempDir()
	file := filepath.Join(dir, "qemu-arm64-uboot.toml")
	text := strings.Replace(string(read(t, "../board/qemu-arm64-uboot.toml")), `"gpio_keys",`, `"gpio_keys", "leds_gpio",`, 1)
	text += "\n[leds]\nstatus = \"green:status\"\n\n[buttons]\nreset = \"KEY_RESTART\"\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(argv ...string) {
		t.Helper()
		if text, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", argv, err, text)
		}
	}
	dtb, dts := filepath.Join(dir, "dtb"), filepath.Join(dir, "dts")
	run("qemu-system-aarch64", "-machine", "virt,dumpdtb="+dtb, "-cpu", "cortex-a57", "-m", "512")
	run("dtc", "-q", "-I", "dtb", "-O", "dts", "-o", dts, dtb)
	tree := string(read(t, dts))
	_, rest, found := strings.Cut(tree, "poweroff {")
	_, rest, _ = strings.Cut(rest, "gpios = <")
	pins, _, _ := strings.Cut(rest, " ") // the controller
	const power = "linux,code = <0x74>"
	if !found || !strings.Contains(tree, power) {
		t.Fatalf("QEMU's device tree has no power button:\n%s", tree)
	}
	tree = strings.Replace(tree, power, "linux,code = <0x198>", 1)
	tree = strings.Replace(tree, "\tgpio-keys {", fmt.Sprintf("\tleds {\n\t\tcompatible = \"gpio-leds\";\n\t\tled-0 {\n\t\t\tlabel = \"green:status\";\n\t\t\tgpios = <%s 0x00 0x00>;\n\t\t};\n\t};\n\tgpio-keys {", pins), 1)
	if err := os.WriteFile(dts, []byte(tree), 0o644); err != nil {
		t.Fatal(err)
	}
	run("dtc", "-q", "-I", "dts", "-O", "dtb", "-o", dtb, dts)
	image := filepath.Join(build(t, file, "../examples/qemu-arm64/system.toml"), "qemu-arm64-uboot.img")
	sockets, err := os.MkdirTemp("", "bantam-pins-") // a socket's path has room for 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(sockets) })
	p := &panelled{t: t, disk: image + ".kept", lines: filepath.Join(sockets, "qtest")}
	p.args = onBoard(t, file, images.RunOptions{Image: image, Keep: p.disk, Args: []string{"-dtb", dtb, "-qtest", "unix:" + p.lines + ",server=on,wait=off", "-qtest-log", "/dev/null"}})
	return p
}

// button presses the reset button, or lets it go.
func (p *panelled) button(device string, down bool) {
	conn, err := net.Dial("unix", p.lines)
	if err != nil {
		p.t.Errorf("pins: %v", err)
		return
	}
	defer conn.Close()
	level := 0
	if down {
		level = 1
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(conn, "set_irq_in %s unnamed-gpio-in 3 %d\n", device, level)
	if said, err := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(said, "OK") {
		p.t.Errorf("pins: %q, %v", said, err)
	}
}

// shines waits for what the LED does: dark, lit, or blinks so many milliseconds.
func (c *console) shines(on, off string) {
	c.t.Helper()
	const dir = "/sys/class/leds/green:status/"
	if off == "" {
		c.waitFor("cat "+dir+"trigger "+dir+"brightness", on)
		c.must("cat "+dir+"trigger", "[none]")
		return
	}
	c.waitFor("cat "+dir+"trigger", "[timer]")
	c.waitFor("cat "+dir+"delay_on "+dir+"delay_off", on+"\n"+off+"\n")
}

const lit = "\n1\n"

func TestBoardLEDShowsHowTheMachineIs(t *testing.T) {
	p := newPanelled(t)
	c := startAs(t, "bantam-arm64", p.args)
	c.shines(lit, "")
	c.write("/state/new.toml", "hostname = \"bantam-arm64\"\n")
	c.run("bantam switch --confirm 600s /state/new.toml > /tmp/said 2>&1 &")
	c.waitFor("bantam status", "waits for `bantam confirm`")
	c.shines("1000", "1000")
	c.run("bantam switch --abort > /dev/null 2>&1")
	c.shines("100", "900")
	c.must("bantam switch /state/new.toml; echo code $?", "code 0")
	c.shines(lit, "")
	c.must("bantam export 1 /state/one.tar > /dev/null; echo code $?", "code 0")
	c.run("(while read x < /sys/class/leds/green:status/delay_on; do echo writing $x; done > /state/seen 2> /dev/null) &")
	c.Send("bantam flash --yes /state/one.tar\r")
	c.booted()
	c.settled()
	if c.run("grep -x -c 'writing 100' /state/seen") == "0\n" {
		t.Error("the LED has not shown that the flash was written")
	}
	c.shines(lit, "")
	c.off()
}

func TestBoardResetButtonRecoversTheMachine(t *testing.T) {
	p := newPanelled(t)
	c := startAs(t, "bantam-arm64", p.args)
	pins := c.Device("pl061")
	c.write("/state/gate.toml", gateText)
	c.Send("bantam switch /state/gate.toml\r")
	c.Expect("generation 2 runs and is the default")
	c.host = "gate"
	c.prompt()
	state := len(tableOf(t, p.disk).Table.Partitions)
	c.off()
	before := partition(t, p.disk, state)

	c = &console{Machine: vm.Start(t, p.args...), t: t, host: "bantam-arm64"}
	held := c.meanwhile(300*time.Millisecond, func() { p.button(pins, true) })
	c.Expect("FAILSAFE: the reset button was held")
	held()
	c.booted()
	c.settled()
	p.button(pins, false)
	c.shines("100", "900")
	c.must("bantam status", "failsafe, for the reset button was held", "generation  1, good")
	c.off()
	if partition(t, p.disk, state) != before {
		t.Error("failsafe has changed the state volume")
	}

	c = startAs(t, "gate", p.args)
	c.shines(lit, "")
	p.button(pins, true)
	c.Expect("FACTORY RESET: the reset button was held for 10s")
	p.button(pins, false)
	c.host = "bantam-arm64"
	c.booted()
	c.settled()
	c.must("bantam status", "generation  1, good", "it came with the image")
	c.shines(lit, "")
	c.off()
}
