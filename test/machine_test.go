// Package test is what a person would do with a Bantam machine, done by a
// program: build an image, boot it, work at its serial console, pull its plug.
//
// The machines are QEMU's, software emulation, with Debian's kernel. They run
// one at a time. `make test` builds what is tested: bin/bantam and
// bin/device/ARCH/bantam.
package test

import (
	"cmp"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"bantam/board"
	"bantam/editor/vt"
	"bantam/gpt"
	"bantam/images"
	"bantam/test/vm"
)

const bantam = "../bin/bantam"

// build makes the images of a system and returns the folder with pc.img and
// pc.iso. flags come before the file.
func build(t *testing.T, board, systemFile string, flags ...string) string {
	t.Helper()
	if _, err := os.Stat(bantam); err != nil {
		t.Fatal("bin/bantam is missing: run `make build`")
	}
	out := t.TempDir()
	args := append([]string{"build", "--board", board, "--out", out, "--lock", filepath.Join(out, "lock")}, flags...)
	args = append(args, strings.Fields(os.Getenv("TEST_BUILD_FLAGS"))...) // e.g. --no-updates, where the mirror's lists of these are broken
	if text, err := exec.Command(bantam, append(args, systemFile)...).CombinedOutput(); err != nil {
		t.Fatalf("bantam build: %v\n%s", err, text)
	}
	return out
}

// disk copies an image onto a disk of 256 MiB, most of it free.
func disk(t *testing.T, image string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	copyTo(t, path, image)
	if err := os.Truncate(path, 256<<20); err != nil {
		t.Fatal(err)
	}
	return path
}

func copyTo(t *testing.T, to, from string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// firmware is how a PC starts.
type firmware string

const (
	bios firmware = "bios"
	uefi firmware = "uefi"
)

// pc returns QEMU's arguments for a PC with a watchdog and a network card.
func pc(t *testing.T, f firmware, more ...string) []string {
	t.Helper()
	args := []string{"qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-m", "512",
		"-device", "i6300esb", "-nic", "user,model=virtio-net-pci"}
	if f == uefi {
		const code, vars = "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"
		own := filepath.Join(t.TempDir(), "vars")
		if _, err := os.Stat(vars); err != nil {
			t.Fatalf("%v: apt-get install ovmf", err)
		}
		copyTo(t, own, vars)
		args = append(args, "-drive", "if=pflash,format=raw,readonly=on,file="+code, "-drive", "if=pflash,format=raw,file="+own)
	}
	return append(args, more...)
}

// onBoard is QEMU's machine of a board, with an image on a disk of 256 MiB.
func onBoard(t *testing.T, name string, o images.RunOptions) []string {
	t.Helper()
	b, err := board.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	o.Board, o.DiskSize = b, 256<<20
	cmd, err := images.PrepareMachine(t.Context(), o, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}

// tableOf is the partition table of a disk.
func tableOf(t *testing.T, path string) gpt.Copies {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	copies, err := gpt.Read(f, uint64(info.Size())/gpt.SectorSize)
	if err != nil {
		t.Fatal(err)
	}
	return copies
}

// virtio is a disk for pc.
func virtio(path string) string { return "file=" + path + ",if=virtio,format=raw" }

// console is a person at the serial line of a machine.
type console struct {
	*vm.Machine
	t    *testing.T
	host string // the name that the prompt shows
	user string // likewise; "" is root
}

// start boots a machine and waits for its prompt.
func start(t *testing.T, args []string) *console {
	t.Helper()
	c := &console{Machine: vm.Start(t, args...), t: t, host: "bantam"}
	c.booted()
	return c
}

// startAs starts a machine of another name, and waits until its boot is proven.
func startAs(t *testing.T, host string, args []string) *console {
	t.Helper()
	c := &console{Machine: vm.Start(t, args...), t: t, host: host}
	c.booted()
	c.settled()
	return c
}

// booted waits for the shell of a fresh boot; it answers as a terminal of 24x80 does.
func (c *console) booted() {
	c.t.Helper()
	c.starts(`\x1b7\x1b\[999;999H\x1b\[6n`) // as U-Boot asks it would set the margins first
	c.Send("\x1b[24;80R")
	if c.user != "" {
		c.prompt()
		return
	}
	// On a busy host the shell is there before the machine has its name.
	named := regexp.MustCompile("^" + c.host + "$")
	for tries := 0; !named.MatchString(c.Expect(`root@([^:]*):[^#]*# $`)[1]); tries++ {
		if tries == 240 {
			c.t.Fatalf("it is not called %s", c.host)
		}
		time.Sleep(time.Second)
		c.Send("\r")
		c.Expect(`\n`)
	}
}

// starts waits for what comes of a start, or of several. Each step that a boot loader tells of has the whole patience: emulated without caches,
// U-Boot alone takes minutes on a busy host.
func (c *console) starts(pattern string) {
	c.t.Helper()
	const most = 8 * 4 // steps of so many starts
	for steps := 0; c.Expect(`(Welcome to GRUB|U-Boot (?:SPL )?\d{4}|Hit any key|Starting kernel)|` + pattern)[1] != ""; steps++ {
		if steps == most {
			c.t.Fatal("it starts again and again")
		}
	}
}

func (c *console) prompt() {
	c.t.Helper()
	c.Expect(c.promptOf())
}

// promptOf is what the prompt looks like.
func (c *console) promptOf() string {
	if c.user != "" {
		return c.user + `@` + c.host + `:[^$]*[$] $`
	}
	return `root@` + c.host + `:[^#]*# $`
}

// run types a command and returns what it printed.
func (c *console) run(command string) string {
	c.t.Helper()
	before := len(c.Screen())
	c.Send(command + "\r")
	c.Expect(`\n`) // of Enter: the shell may first draw its prompt again, for the size it was told
	c.prompt()
	text := c.Screen()[before:]
	if i := strings.Index(text, "\n"); i >= 0 {
		text = text[i+1:] // the echo
	}
	if i := strings.LastIndex(text, cmp.Or(c.user, "root")+"@"); i >= 0 {
		text = text[:i]
	}
	return strings.ReplaceAll(text, "\r", "")
}

// must runs a command and wants its output to hold all of want.
func (c *console) must(command string, want ...string) string {
	c.t.Helper()
	got := c.run(command)
	for _, w := range want {
		if !strings.Contains(got, w) {
			c.t.Fatalf("%s: no %q in\n%s", command, w, got)
		}
	}
	return got
}

// write makes a file on the machine, line by line as a person would.
func (c *console) write(path, text string) {
	c.t.Helper()
	c.Send("cat > " + path + " <<'END'\r")
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		c.Expect(`> $`)
		c.Send(line + "\r")
	}
	c.Expect(`> $`)
	c.run("END")
}

// settled waits until the boot's proof is over and its outcome is recorded: as long as a proof takes that waits for services on a busy host.
func (c *console) settled() {
	c.t.Helper()
	for range 300 {
		if !strings.Contains(c.run("bantam status"), "under way") {
			return
		}
		time.Sleep(time.Second)
	}
	c.t.Fatal("the machine is still busy with its start")
}

// key names, as a VT102 sends them.
const (
	enter  = "\r"
	down   = "\x1b[B"
	end    = "\x05"
	home   = "\x01"
	find   = "\x06"
	cut    = "\x0b"
	undo   = "\x1a"
	save   = "\x13"
	quit   = "\x11"
	goTo   = "\x14"
	faults = "\x16"
)

// The newcomer's session: edit, plan, switch, reset, roll back; then two
// generations that must find their way back.
func TestNewcomersSession(t *testing.T) {
	out := build(t, "pc", "../examples/pc/system.toml")
	for _, f := range []firmware{bios, uefi} {
		t.Run(string(f), func(t *testing.T) { newcomer(t, pc(t, f, "-drive", virtio(disk(t, filepath.Join(out, "pc.img"))))) })
	}
}

func newcomer(t *testing.T, args []string) {
	c := start(t, args)
	c.settled()
	c.must("bantam status", "generation  1, good", "/dev/vda8", "watchdog    i", "online", "heartbeat")
	c.must("bantam net", "eth0", "10.0.2.15/24", "dhcp 10.0.2.2", "default via 10.0.2.2")

	c.must("for p in /proc/[0-9]*; do grep -q bantam-netcfg $p/cmdline 2>/dev/null && grep CapBnd $p/status; done",
		"0000000000003000") // CAP_NET_ADMIN and CAP_NET_RAW, nothing else

	// Change the host name and add a service, keystroke by keystroke, with mistakes.
	e := c.look(24, 80, vt.VT102)
	c.Send("bantam edit\r")
	e.sees(`\^S Save`)
	c.type_(find, "hostname =", enter, home, cut)
	c.type_(`hostnme = "gate"`, enter)
	e.sees(`<- unknown key`) // told without being asked
	c.type_(undo, undo, undo, undo, undo, undo)
	c.type_(find, "hostname =", enter, home, cut, `hostname = "gate"`, enter)
	c.type_(find, "[service", enter, home)
	c.type_(`[service.web]`, enter, `command = ["nc", "-lk", "-p", "8080"]`, enter, `ready = "tcp/8080"`, enter, enter)
	c.type_(faults)
	e.sees(`^No faults`)
	c.type_(save)
	e.sees(`^Saved`)
	c.type_(quit)
	e.sees(`hostname: "bantam" -> "gate"`)
	e.sees(`start service web`)
	e.sees(`edit again \[k\]: *$`)
	c.Send("e\r") // once more, to the same place
	e.sees(`\^S Save`)
	c.type_(quit)
	e.sees(`edit again \[k\]: *$`)
	c.Send("k\r")
	c.prompt()
	e.fits()
	draft := c.run("cat /state/draft/system.toml")
	if strings.Count(draft, "hostname = ") != 1 || !strings.Contains(draft, "gate") {
		t.Fatalf("the draft after editing:\n%s", draft)
	}
	c.must("bantam check", "no faults")
	c.must("bantam plan", "set hostname gate", "start service web")
	c.must("bantam diff", "hostname")

	c.Send("bantam switch\r")
	c.Expect(`generation 2 runs and is the default`)
	c.host = "gate"
	c.prompt()
	c.must("bantam service list", "web", "ready")
	c.run("echo hello | nc -w 2 127.0.0.1 8080")
	c.waitFor("bantam log web", "hello")
	c.must("bantam generations", "2   good", "running, default")

	// A trial at the next boot that waits for a person, who goes back.
	c.write("/tmp/third.toml", "hostname = \"third\"\n")
	c.must("bantam boot --confirm 10m /tmp/third.toml", "the next boot tries generation 3")
	c.Reset()
	c.host = "third"
	before := len(c.Screen())
	c.booted()
	if greeting := c.Screen()[before:]; !strings.Contains(greeting, "waits 10m0s for `bantam confirm`") && !strings.Contains(greeting, "it waits for `bantam confirm`") {
		t.Errorf("the greeting of a trial does not say what is waited for:\n%s", greeting)
	}
	c.waitFor("bantam status", "it waits for `bantam confirm`")
	c.must("bantam status", "generation  3, untried", "next boot   tries generation 3, then generation 2")
	c.Send("bantam switch --abort\r")
	c.Expect("generation 2 runs")
	c.host = "gate"
	c.prompt()
	c.must("bantam status", "generation  2, good", "generation 3 was tried at a boot (", "), and is interrupted: a person aborted it")

	c.Reset() // without warning
	c.booted()
	c.settled()
	c.must("bantam status", "generation  2, good", "web")
	c.must("hostname", "gate")

	// A draft that says what runs does not stay: after the rollback it would be news.
	e = c.look(24, 80, vt.VT102)
	c.Send("bantam edit\r")
	e.sees(`\^S Save`)
	c.type_(quit)
	c.prompt()
	e.fits()
	c.must("ls /state/draft | wc -l", "0\n")

	c.Send("bantam rollback\r")
	c.Expect(`generation 1 runs and is the default`)
	c.host = "bantam"
	c.prompt()
	if got := c.run("bantam service list"); strings.Contains(got, "web") {
		t.Errorf("after the rollback web is still there:\n%s", got)
	}

	// A plain VT100 that does not tell its size, at 9600 baud.
	e = c.look(24, 80, vt.VT100)
	c.Send("TERM=vt100 edit /tmp/note\r")
	e.sees(`\^S Save`)
	c.SendSlow("slow line"+enter+"second"+"\x1b[A"+end+"s"+save, 9600)
	e.sees(`^Saved`)
	c.SendSlow(quit, 9600)
	c.prompt()
	e.fits()
	if got := c.run("cat /tmp/note"); got != "slow lines\nsecond\n" {
		t.Errorf("the note is %q", got)
	}

	c.write("/tmp/broken.toml", "[proof]\ntimeout = \"20s\"\n[service.broken]\ncommand = [\"sh\", \"-c\", \"echo no luck; exit 3\"]\n")
	c.must("bantam switch /tmp/broken.toml; echo code $?", "no luck", "exit status 3", "generation 1 runs again", "code 10")
	c.must("bantam status", "generation  1, good", "heartbeat")

	c.write("/tmp/cut.toml", "[proof]\ntimeout = \"10s\"\n[net.eth0]\nipv4 = \"off\"\nipv6 = \"off\"\n")
	c.must("bantam switch /tmp/cut.toml; echo code $?", "network: has no IPv4 address any more", "generation 1 runs again", "code 10")
	c.must("bantam net", "10.0.2.15/24", "online: yes")
	c.must("bantam generations", "bad")

	c.Send("poweroff\r")
	c.WaitEnd()
}

// type_ presses keys one after the other, as fast as a quick typist.
func (c *console) type_(keys ...string) {
	c.t.Helper()
	for _, k := range keys {
		for i := 0; i < len(k); {
			n := 1
			if k[i] == 0x1b {
				n = len(k) - i // a key of its own
			}
			c.Send(k[i : i+n])
			i += n
			time.Sleep(15 * time.Millisecond)
		}
	}
	time.Sleep(50 * time.Millisecond)
}

// waitFor runs command until its output holds want.
func (c *console) waitFor(command, want string) {
	c.t.Helper()
	var got string
	for range 60 {
		if got = c.run(command); strings.Contains(got, want) {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	c.t.Fatalf("%s: no %q in\n%s", command, want, got)
}
