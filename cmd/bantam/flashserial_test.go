package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bantam/netcfg/netlab"
	"bantam/recovery/loadertest"
	"bantam/tty/ttytest"
)

// servedBoard also knows from whom it asks what by TFTP.
const servedBoard = loadertest.Board + "host = \"192.168.1.10/24\"\nfile = \"recovery.bin\"\n"

func boardFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "toy.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// A bench is a boot loader that is played at the other end of a serial line, by the clock on the wall.
type bench struct {
	mu     sync.Mutex
	loader *loadertest.Loader
	path   string // of the line
}

func play(t *testing.T, loader *loadertest.Loader) *bench {
	t.Helper()
	end, line := ttytest.Open(t)
	b := &bench{loader: loader, path: line.Name()}
	step := func(in []byte, passed time.Duration) {
		b.mu.Lock()
		defer b.mu.Unlock()
		_, _ = end.Write(b.loader.Step(in, 115200, passed)) // it ends with the test
	}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := end.Read(buf)
			if err != nil {
				return
			}
			step(buf[:n], 0)
		}
	}()
	go func() {
		for t.Context().Err() == nil {
			time.Sleep(10 * time.Millisecond)
			step(nil, 10*time.Millisecond)
		}
	}()
	return b
}

func TestFlashThroughABootLoader(t *testing.T) {
	dir := t.TempDir()
	image, content := diskImage(t, dir, 100<<10)
	packed := image + ".xz"
	if out, err := exec.Command("xz", "-0", "-k", image).CombinedOutput(); err != nil {
		t.Fatalf("%v (apt-get install xz-utils): %s", err, out)
	}
	b := play(t, &loadertest.Loader{Medium: make([]byte, 1<<20), Names: "toy"})
	board, log := boardFile(t, servedBoard), filepath.Join(dir, "log")
	r := bantam("", "flash", "--yes", "--serial", b.path, "--board", board, "--log", log, packed)
	for _, want := range []string{"a disk image with 1 partition in an MBR", "boot loader: U-Boot 2023.01 (played)\n", "medium: 2048 blocks of 512 bytes\n",
		"102400 bytes loaded and written, 0 made zeros, 0 were there\n", "started; what it says comes on this line"} {
		r.expect(t, exitOK, want, "")
	}
	b.mu.Lock()
	if !bytes.HasPrefix(b.loader.Medium, content) {
		t.Error("the medium does not begin with the image")
	}
	b.mu.Unlock()
	if kept, err := os.ReadFile(log); err != nil || !strings.Contains(string(kept), "## Total Size") {
		t.Errorf("the log has %q, %v", kept, err)
	}
	bantam("", "flash", "--yes", "--serial", b.path, "--board", board, image).expect(t, exitOK, "0 bytes loaded and written, 0 made zeros, 102400 were there", "")
}

func TestFlashThroughABootLoaderRefuses(t *testing.T) {
	image, _ := diskImage(t, t.TempDir(), 100<<10)
	b := play(t, &loadertest.Loader{Medium: make([]byte, 1<<20), Names: "other"})
	board := boardFile(t, servedBoard)
	_, line := ttytest.Open(t)
	for _, test := range []struct {
		name   string
		args   []string
		code   int
		errors string
	}{
		{"no line", []string{"--baud", "9600", image}, exitUsage, "--baud and --log are for a board at --serial TTY"},
		{"a disk, too", []string{"--serial", "ttyS0", image, "/dev/sdb"}, exitUsage, "want one IMAGE for the board, got 2 arguments"},
		{"flags of disks", []string{"--serial", "ttyS0", "--fixed", image}, exitUsage, "are for disks of this host, not for a board"},
		{"no speed", []string{"--serial", "ttyS0", "--baud", "7", image}, exitUsage, "--baud 7: want 50 to 20000000"},
		{"a board and no way to it", []string{"--board", "pc", image}, exitUsage, "--board is for one at --serial TTY or --ssh HOST, or with --tftp"},
		{"no board", []string{"--serial", "ttyS0", image}, exitFault, "does not say for which board it is: --board NAME"},
		{"a board of which it is not known", []string{"--serial", "ttyS0", "--board", "pc", image}, exitFault, "of board pc nobody has said how its boot loader writes"},
		{"faults of a board's file", []string{"--serial", "ttyS0", "--board", boardFile(t, strings.Replace(servedBoard, "{block}", "{blok}", 1)), image}, exitFault, "toy.toml:16:9: rescue.write: {blok} means nothing; there are {address}, "},
		{"nobody to ask", []string{"--serial", "ttyS0", "--board", board, image}, exitFault, "there is no terminal to ask on; --yes writes without a question"},
		{"a line that is not there", []string{"--yes", "--serial", "nonexistent", "--board", board, image}, exitFault, "open /dev/nonexistent: no such file"},
		{"nothing at the other end", []string{"--yes", "--wait", "3s", "--serial", line.Name(), "--board", board, image}, exitFault, "nothing came from the board in 3s: is it on"},
		{"another board at the other end", []string{"--yes", "--serial", b.path, "--board", board, image}, exitFault, "this is another board than toy: `printenv board_name` says \"board_name=other\""},
		{"TFTP of which nothing is known", []string{"--serial", "ttyS0", "--tftp", "--board", board, image}, exitFault, "the file of board toy does not say how it loads by TFTP"},
		{"an address that is not known", []string{"--tftp", "--board", "pc", image}, exitFault, "of board pc nobody has said at which address its boot loader asks for a file"},
		{"an address that this host does not have", []string{"--tftp", "--board", board, image}, exitFault, "this host does not have the address 192.168.1.10 that the board asks. As root, for as long as it takes:\n  ip address add 192.168.1.10/24 dev "},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := bantam("", append([]string{"flash"}, test.args...)...)
			if r.code != test.code || !strings.Contains(r.errors, test.errors) {
				t.Errorf("exit status %d, want %d; %q, want %q", r.code, test.code, r.errors, test.errors)
			}
		})
	}
}

// A board asks for its file by itself, and gets it from an address that this host was given for that.
func TestFlashGivesAFileByTFTP(t *testing.T) {
	image, content := diskImage(t, t.TempDir(), 300<<10)
	board := boardFile(t, servedBoard)
	lab := netlab.New(t, "curl:curl", "setpriv:util-linux")
	tool := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		return cmd
	}
	lab.Run("ip link add eth7 type veth peer name board && ip address add 192.168.1.10/24 dev eth7 && ip link set eth7 up && ip link set board up")
	self := filepath.Join(lab.Dir, "bantam")
	lab.Run("cp " + os.Args[0] + " " + self + " && chmod 755 " + self + " && cp '" + image + "' " + lab.Dir + "/image && chmod 644 " + lab.Dir + "/image && cp " + board + " " + lab.Dir + "/toy.toml && echo 1024 > /proc/sys/net/ipv4/ip_unprivileged_port_start")
	image, board = lab.Dir+"/image", lab.Dir+"/toy.toml"
	out, _ := tool("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", self, "flash", "--tftp", "--board", board, image).CombinedOutput()
	if want := "192.168.1.10:69: ports below 1024 are root's; as root:\n  sudo " + self + " flash --tftp --board " + board + " " + image; !strings.Contains(string(out), want) {
		t.Errorf("without the right: %s, want %s", out, want)
	}
	var said netlab.Output
	serving := tool(self, "flash", "--tftp", "--board", board, image)
	serving.Stdout, serving.Stderr = &said, &said
	if err := serving.Start(); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(said.String(), "192.168.1.10:69 waits for a toy that asks for recovery.bin") && t.Context().Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	if out, err := exec.Command("curl", "-sS", "tftp://192.168.1.10/other.bin").CombinedOutput(); err == nil {
		t.Errorf("another file: %s", out)
	}
	lab.Run("curl -sS tftp://192.168.1.10/recovery.bin -o " + lab.Dir + "/got")
	if err := serving.Wait(); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(filepath.Join(lab.Dir, "got")); err != nil || !bytes.Equal(got, content) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	for _, want := range []string{`192.168.1.10 asks for "other.bin", and there is only recovery.bin`, `fetches "recovery.bin"`, "it was fetched whole; what the board does with it now"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("no %q in %s", want, said.String())
		}
	}
}
