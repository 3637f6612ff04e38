package vm

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A Light is one of a keyboard, by its bit of what QEMU says.
type Light byte

// The lights of a PC's keyboard.
const (
	ScrollLock Light = 1 << iota
	NumLock
	CapsLock
)

// Lights are those of a machine's keyboard, as whoever sits before it sees them. QEMU tells each change to who looks at the screen by VNC: RFC
// 6143, and the pseudo-encoding "LED state", -261, of its extensions. Nothing of the screen itself is asked for.
type Lights struct {
	mu    sync.Mutex
	state Light
	times map[Light][]time.Time // of each change
	ended error
}

// StartWatched is Start, and looks at the machine's lights until it or the test ends.
func StartWatched(t testing.TB, args ...string) (*Machine, *Lights) {
	t.Helper()
	socket := filepath.Join(socketDir(t), "vnc")
	m := Start(t, append(args, "-vnc", "unix:"+socket)...)
	conn, err := net.Dial("unix", socket)
	for end := time.Now().Add(Patience); err != nil && time.Now().Before(end); conn, err = net.Dial("unix", socket) { // QEMU has just been started
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		t.Fatalf("VNC: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	in := bufio.NewReader(conn)
	if err := greet(conn, in); err != nil {
		t.Fatalf("VNC: %v", err)
	}
	l := &Lights{times: map[Light][]time.Time{}}
	go l.read(in)
	return m, l
}

// greet goes through RFB's handshake, without a password, and asks for the lights.
func greet(out io.Writer, in *bufio.Reader) error {
	const version = "RFB 003.008\n"
	var failed error
	send := func(b ...byte) {
		if failed == nil {
			_, failed = out.Write(b)
		}
	}
	take := func(n int) []byte {
		b := make([]byte, n)
		if failed == nil {
			_, failed = io.ReadFull(in, b)
		}
		return b
	}
	take(len(version))
	send([]byte(version)...)
	take(int(take(1)[0])) // kinds of security
	send(1)               // none
	if b := take(4); failed == nil && binary.BigEndian.Uint32(b) != 0 {
		return fmt.Errorf("security result % x", b)
	}
	send(1)                                              // others may look, too
	take(2 + 2 + 16)                                     // size, format of pixels
	take(int(binary.BigEndian.Uint32(take(4))))          // name
	send(2, 0, 0, 2, 0, 0, 0, 0, 0xFF, 0xFF, 0xFE, 0xFB) // SetEncodings: raw, LED state
	return failed
}

// read follows what comes: with nothing else asked for, rectangles that are a state.
func (l *Lights) read(in *bufio.Reader) {
	end := func(err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ended = err
	}
	for {
		head := make([]byte, 4) // FramebufferUpdate, nothing, how many
		if _, err := io.ReadFull(in, head[:1]); err != nil {
			end(err)
			return
		}
		if head[0] == 2 { // Bell
			continue
		}
		if _, err := io.ReadFull(in, head[1:]); err != nil || head[0] != 0 {
			end(fmt.Errorf("message % x: %v", head, err))
			return
		}
		for range binary.BigEndian.Uint16(head[2:]) {
			rectangle := make([]byte, 8+4+1) // place, encoding, state
			if _, err := io.ReadFull(in, rectangle); err != nil || int32(binary.BigEndian.Uint32(rectangle[8:])) != -261 {
				end(fmt.Errorf("rectangle % x: %v", rectangle, err))
				return
			}
			l.set(Light(rectangle[12]), time.Now())
		}
	}
}

func (l *Lights) set(state Light, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, light := range []Light{ScrollLock, NumLock, CapsLock} {
		if (l.state^state)&light != 0 {
			l.times[light] = append(l.times[light], now)
		}
	}
	l.state = state
}

// Lit tells whether a light is lit now, and when it has changed until now, the latest last. An error says that nobody looks any more.
func (l *Lights) Lit(light Light) (lit bool, changes []time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state&light != 0, l.times[light][:len(l.times[light]):len(l.times[light])], l.ended
}
