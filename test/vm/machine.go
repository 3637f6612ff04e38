// Package vm drives a QEMU machine for a test, as a person at its serial console does: it waits for text, types, resets
// and cuts the power. A test that fails prints the console.
//
// It knows nothing of Bantam. Limits: one serial line, one machine a value; time limits are generous because software
// emulation on a loaded host is slow, and no test depends on speed.
package vm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long Expect waits by default.
const Patience = 4 * time.Minute

// A Machine is a running QEMU. Its methods end the test on failure, so they need no error handling.
type Machine struct {
	t     testing.TB
	cmd   *exec.Cmd
	stdin io.WriteCloser
	qmp   string // path of the control socket
	ended chan struct{}

	mu     sync.Mutex
	screen bytes.Buffer  // everything that came over the serial line
	seen   int           // what Expect has consumed of it
	also   io.Writer     // gets what comes, too; nil: nobody
	grown  chan struct{} // closed and replaced when screen grows
}

// Packages that hold the programs, for the message when one is missing.
var packages = map[string]string{
	"qemu-system-x86_64":  "qemu-system-x86",
	"qemu-system-aarch64": "qemu-system-arm",
}

// Start runs the machine; args begin with QEMU's program. Display, serial line and control socket are added. The machine
// ends with the test.
func Start(t testing.TB, args ...string) *Machine {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Fatalf("%s is missing: apt-get install %s", args[0], packages[args[0]])
	}
	m := &Machine{t: t, qmp: filepath.Join(socketDir(t), "qmp"), ended: make(chan struct{}), grown: make(chan struct{})}
	args = append(args, "-display", "none", "-monitor", "none", "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
		"-qmp", "unix:"+m.qmp+",server=on,wait=off")
	m.cmd = exec.Command(args[0], args[1:]...)
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	m.cmd.Stdout, m.cmd.Stderr = (*console)(m), (*console)(m)
	var err error
	if m.stdin, err = m.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		m.cmd.Wait()
		close(m.ended)
	}()
	t.Cleanup(func() {
		m.PowerCut()
		if t.Failed() {
			t.Logf("console of %s:\n%s", strings.Join(args, " "), m.Screen())
		}
	})
	return m
}

// socketDir is a folder for sockets. It is not t.TempDir: a socket's path has room for 108 bytes, and QEMU's options end at a comma.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bantam-vm-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// console is the Machine as the writer of what the serial line says.
type console Machine

func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.screen.Write(b)
	if c.also != nil {
		_, _ = c.also.Write(b) // who does not listen any more misses it
	}
	close(c.grown)
	c.grown = make(chan struct{})
	return len(b), nil
}

// Copy has what the serial line says from now on go to w, too: to whoever sits at the line in the place of the test.
func (m *Machine) Copy(w io.Writer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.also = w
}

// Type is the other direction: what is written to it is typed.
func (m *Machine) Type() io.Writer { return m.stdin }

// Screen returns all that the serial line has said.
func (m *Machine) Screen() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.screen.String()
}

// Expect waits for a regular expression in what came after the last match, and returns the match and its groups.
func (m *Machine) Expect(pattern string) []string {
	m.t.Helper()
	return m.ExpectWithin(Patience, pattern)
}

// ExpectWithin is Expect with another time limit.
func (m *Machine) ExpectWithin(limit time.Duration, pattern string) []string {
	m.t.Helper()
	re := regexp.MustCompile(pattern)
	timeout := time.After(limit)
	ended := m.ended
	for {
		m.mu.Lock()
		fresh, grown := m.screen.Bytes()[m.seen:], m.grown
		if at := re.FindSubmatchIndex(fresh); at != nil {
			var groups []string
			for _, g := range re.FindSubmatch(fresh) {
				groups = append(groups, string(g))
			}
			m.seen += at[1]
			m.mu.Unlock()
			return groups
		}
		m.mu.Unlock()
		if ended == nil {
			m.t.Fatalf("the machine ended; waited for %q", pattern)
		}
		select {
		case <-grown:
		case <-ended:
			ended = nil // look once more: the last words may have come with the end
		case <-timeout:
			m.t.Fatalf("no %q within %v", pattern, limit)
		}
	}
}

// Send types text at once.
func (m *Machine) Send(text string) {
	m.t.Helper()
	if _, err := io.WriteString(m.stdin, text); err != nil {
		m.t.Fatalf("serial line: %v", err)
	}
}

// SendSlow types text at a line speed of so many baud: ten bits a byte.
func (m *Machine) SendSlow(text string, baud int) {
	m.t.Helper()
	for i := range len(text) {
		m.Send(text[i : i+1])
		time.Sleep(10 * time.Second / time.Duration(baud))
	}
}

// Reset presses the reset button: the machine starts again without any warning to what runs on it.
func (m *Machine) Reset() {
	m.t.Helper()
	if err := m.control("system_reset", nil); err != nil {
		m.t.Fatalf("reset: %v", err)
	}
}

// Unplug pulls out a device of QEMU's, by its id.
func (m *Machine) Unplug(id string) {
	m.t.Helper()
	if err := m.control("device_del", map[string]any{"id": id}); err != nil {
		m.t.Fatalf("unplug %s: %v", id, err)
	}
}

// Plug plugs a device in: what QEMU calls it, the id by which Unplug names it, and its other options.
func (m *Machine) Plug(driver, id string, options map[string]any) {
	m.t.Helper()
	device := maps.Clone(options)
	device["driver"], device["id"] = driver, id
	if err := m.control("device_add", device); err != nil {
		m.t.Fatalf("plug in %s: %v", driver, err)
	}
}

// Cable pulls the cable out of a network port, by the id of its netdev, or plugs it in.
func (m *Machine) Cable(id string, in bool) {
	m.t.Helper()
	if err := m.control("set_link", map[string]any{"name": id, "up": in}); err != nil {
		m.t.Fatalf("cable of %s: %v", id, err)
	}
}

// Slow has a disk write so many bytes a second at most, 0: as many as it can. Disks are numbered as -drive if=virtio have them.
func (m *Machine) Slow(disk, bytes int) {
	m.t.Helper()
	limits := map[string]any{"device": fmt.Sprint("virtio", disk), "bps": 0, "bps_rd": 0, "bps_wr": bytes, "iops": 0, "iops_rd": 0, "iops_wr": 0}
	if err := m.control("block_set_io_throttle", limits); err != nil {
		m.t.Fatalf("slow disk %d: %v", disk, err)
	}
}

// PowerCut ends the machine at once. What it had not yet written to its disk is lost.
func (m *Machine) PowerCut() {
	m.cmd.Process.Kill()
	<-m.ended
}

// WaitEnd waits until the machine has switched itself off.
func (m *Machine) WaitEnd() {
	m.t.Helper()
	select {
	case <-m.ended:
	case <-time.After(Patience):
		m.t.Fatalf("the machine did not switch itself off within %v", Patience)
	}
}

// control sends one command of the QEMU machine protocol.
func (m *Machine) control(command string, arguments map[string]any) error {
	c, err := net.Dial("unix", m.qmp)
	for end := time.Now().Add(Patience); err != nil && time.Now().Before(end); c, err = net.Dial("unix", m.qmp) { // QEMU has just been started
		select {
		case <-m.ended:
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	out, in := json.NewEncoder(c), json.NewDecoder(c)
	type request struct {
		Execute   string         `json:"execute"`
		Arguments map[string]any `json:"arguments,omitempty"`
	}
	for _, r := range []request{{Execute: "qmp_capabilities"}, {command, arguments}} {
		if err := out.Encode(r); err != nil {
			return err
		}
		for {
			var reply struct {
				Return json.RawMessage
				Error  *struct{ Desc string }
			}
			if err := in.Decode(&reply); err != nil {
				return err
			}
			if reply.Error != nil {
				return fmt.Errorf("%s: %s", r.Execute, reply.Error.Desc)
			}
			if reply.Return != nil {
				break // greetings and events have no return
			}
		}
	}
	return nil
}

// PressPower presses the power button.
func (m *Machine) PressPower() {
	m.t.Helper()
	if err := m.control("system_powerdown", nil); err != nil {
		m.t.Fatalf("power button: %v", err)
	}
}

// Key presses a key of the keyboard, by QEMU's name for it, e.g. ret, or lets it go.
func (m *Machine) Key(name string, down bool) {
	m.t.Helper()
	key := map[string]any{"type": "qcode", "data": name}
	event := map[string]any{"type": "key", "data": map[string]any{"down": down, "key": key}}
	if err := m.control("input-send-event", map[string]any{"events": []any{event}}); err != nil {
		m.t.Fatalf("key %s: %v", name, err)
	}
}
