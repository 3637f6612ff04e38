package test

import (
	"bytes"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bantam/board"
	"bantam/netcfg/netlab"
	"bantam/test/vm"
	"bantam/tty/ttytest"
)

// bareBoard is QEMU's machine with U-Boot and an empty disk of 64 MiB.
func bareBoard(t *testing.T, more ...string) (m *vm.Machine, disk string) {
	t.Helper()
	b, err := board.Load("qemu-arm64-uboot")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(b.QEMU.UBoot.Path); err != nil {
		t.Fatalf("%v: apt-get install %s", err, b.QEMU.UBoot.Package)
	}
	disk = filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(disk, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(disk, 64<<20); err != nil {
		t.Fatal(err)
	}
	if len(more) == 0 {
		more = []string{"-nic", "none"}
	}
	return vm.Start(t, append([]string{b.QEMU.Binary, "-machine", "virt", "-accel", "tcg", "-cpu", b.QEMU.CPU, "-m", "512",
		"-bios", b.QEMU.UBoot.Path, "-drive", "file=" + disk + ",format=raw,if=none,id=disk", "-device", "virtio-blk-pci,drive=disk", "-device", "i6300esb"}, more...)...), disk
}

// A badWire is a line that does this to bytes: of runs of up to 40 so many are lost or altered that of all bytes a part is.
type badWire struct {
	mu     sync.Mutex
	random *rand.Rand
	part   float64
	bad    int // bytes of the run that is left
	lose   bool
	to     io.Writer
}

func (f *badWire) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	const longest = 40
	var out []byte
	for _, c := range b {
		if f.bad == 0 && f.random.Float64() < f.part/(longest/2) {
			f.bad, f.lose = 1+f.random.Intn(longest), f.random.Intn(2) == 0
		}
		switch {
		case f.bad == 0:
			out = append(out, c)
		case !f.lose:
			out = append(out, c^byte(1<<f.random.Intn(8)))
		}
		f.bad = max(f.bad-1, 0)
	}
	_, err := f.to.Write(out)
	return len(b), err
}

// wireTo connects a machine's serial line with a terminal's, and gives the name of that.
func wireTo(t *testing.T, m *vm.Machine, part float64) (path string) {
	t.Helper()
	end, line := ttytest.Open(t)
	m.Copy(&badWire{random: rand.New(rand.NewSource(2)), part: part, to: end})
	go io.Copy(&badWire{random: rand.New(rand.NewSource(1)), part: part, to: m.Type()}, end)
	return line.Name()
}

// rescue is `bantam flash --serial` on this host.
func rescue(t *testing.T, limit time.Duration, args ...string) (said string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bantam, append([]string{"flash", "--yes"}, args...)...)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(limit, func() { cmd.Process.Signal(os.Interrupt) })
	defer timer.Stop()
	_ = cmd.Wait() // its status says it
	t.Logf("%s", text.String())
	return text.String(), cmd.ProcessState.ExitCode()
}

// wantSaid looks for texts.
func wantSaid(t *testing.T, said string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("it does not say %q", text)
		}
	}
}

// smallImage is a disk image of a few pieces, the one in the middle zeros.
func smallImage(t *testing.T, size int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, size)
	r := rand.New(rand.NewSource(int64(size)))
	r.Read(content[512 : size/3])
	r.Read(content[size/3*2:])
	content[450], content[454], content[458] = 0x83, 1, 1
	content[510], content[511] = 0x55, 0xaa
	path = filepath.Join(t.TempDir(), "small.img")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

func holdsImage(t *testing.T, disk string, content []byte) {
	t.Helper()
	got, err := os.ReadFile(disk)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(got, content) {
		t.Error("the medium does not begin with the image")
	}
}

// A board that starts nothing is written by YMODEM over a line that loses and alters two of a hundred bytes.
func TestBoardUBootIsRescuedOverABadLine(t *testing.T) {
	forBoard(t, "qemu-arm64-uboot")
	m, disk := bareBoard(t)
	image, content := smallImage(t, 40<<10)
	tty := wireTo(t, m, 0.02)
	log := filepath.Join(t.TempDir(), "log")
	said, code := rescue(t, 8*time.Minute, "--serial", tty, "--board", "qemu-arm64-uboot", "--log", log, image)
	if code != 0 {
		b, _ := os.ReadFile(log)
		t.Fatalf("exit status %d; the line: %q", code, b[max(0, len(b)-3000):])
	}
	wantSaid(t, said, "boot loader: U-Boot", "all of it read back and summed up")
	m.PowerCut()
	holdsImage(t, disk, content)
}

// A whole image comes by TFTP, over a wire of the test's own, is written, started, and says at its console that it is proven. U-Boot asks at the first
// port; at the second the machine finds a DHCP server.
func TestBoardUBootIsRescuedByTFTPAndProven(t *testing.T) {
	forBoard(t, "qemu-arm64-uboot")
	image := filepath.Join(build(t, "qemu-arm64-uboot", "../examples/qemu-arm64/system.toml"), "qemu-arm64-uboot.img")
	content := read(t, image)
	netlab.Enter(t)
	if out, err := exec.Command("sh", "-c", "ip link set lo up && ip tuntap add wire mode tap && ip address add 192.168.1.10/24 dev wire && ip link set wire up").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	m, _ := bareBoard(t, "-nic", "none", "-netdev", "tap,id=wire,ifname=wire,script=no,downscript=no", "-device", "virtio-net-pci,netdev=wire",
		"-netdev", "user,id=user", "-device", "virtio-net-pci,netdev=user")
	tty := wireTo(t, m, 0)
	log := filepath.Join(t.TempDir(), "log")
	said, code := rescue(t, 10*time.Minute, "--serial", tty, "--tftp", "--log", log, image)
	wantSaid(t, said, "for board qemu-arm64-uboot", "boot loader: U-Boot", "all of it read back and summed up", "it runs generation 1, proven")
	line := string(read(t, log))
	if code != 0 {
		t.Fatalf("exit status %d", code)
	}
	if fetched := strings.Count(line, "TFTP from server 192.168.1.10"); fetched < len(content)>>22 || strings.Contains(line, "loady ") {
		t.Errorf("%d pieces of 4 MiB were fetched, or some came over the line", fetched)
	}
}
