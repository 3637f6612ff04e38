package sshd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"bantam/init/sshline"
)

// program runs on the machine for a session or a forwarded connection.
type program struct {
	id      uint32
	in, out *os.File // of a terminal the same
	err     *os.File // nil: a terminal
	ended   <-chan sshline.Answer
	refused error // it does not run, for that reason

	carrying sync.WaitGroup
}

// begin has PID 1 begin a program that comes with so many descriptors.
func (m *machine) begin(open sshline.Open, descriptors int) (*program, error) {
	a, ended, err := m.ask(sshline.Request{Open: &open})
	if err != nil {
		return nil, err
	}
	if len(a.files) != descriptors {
		for _, f := range a.files {
			f.Close()
		}
		return nil, fmt.Errorf("PID 1 sends %d descriptors instead of %d", len(a.files), descriptors)
	}
	p := &program{id: a.ID, in: a.files[0], out: a.files[0], ended: ended}
	if descriptors == 3 {
		p.out, p.err = a.files[1], a.files[2]
	}
	return p, nil
}

// hangUp ends a program whose client is gone.
func (m *machine) hangUp(p *program) {
	m.mu.Lock()
	delete(m.ended, p.id)
	m.mu.Unlock()
	m.send(sshline.Request{ID: p.id, End: "HUP"})
}

func (p *program) close() {
	p.in.Close()
	p.out.Close()
	if p.err != nil {
		p.err.Close()
	}
}

// portion is how much is carried at once, about as much as a pipe or a packet takes.
const portion = 32 << 10

// feed gives the program what the client sends. What it no longer wants is thrown away. A terminal has no end of input: the client's
// would be a key, and what that does is the program's business.
func (p *program) feed(from ssh.Channel, end bool) {
	b := make([]byte, portion)
	_, err := io.CopyBuffer(struct{ io.Writer }{p.in}, struct{ io.Reader }{from}, b)
	if end {
		p.in.Close()
	}
	if err != nil {
		io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{from}, b)
	}
}

// carry gives the client what the program says, until that has an end or drain is called.
func (p *program) carry(from *os.File, to io.Writer) {
	b := make([]byte, portion)
	_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		rest(from, to, b)
	}
}

// drain waits until the client has what the program has said. Others that still have its output, such as what it has left in the background,
// are not waited for.
func (p *program) drain() {
	past := time.Unix(1, 0)
	p.out.SetReadDeadline(past)
	if p.err != nil {
		p.err.SetReadDeadline(past)
	}
	p.carrying.Wait()
}

// mostRest is more than a pipe holds that nobody has made larger: whoever goes on writing there is not waited for.
const mostRest = 1 << 20

// rest carries what is there, and waits for nothing.
func rest(from *os.File, to io.Writer, b []byte) {
	from.SetReadDeadline(time.Time{})
	raw, err := from.SyscallConn()
	if err != nil {
		return
	}
	for carried := 0; carried < mostRest; {
		n := 0
		raw.Read(func(fd uintptr) bool {
			n, err = unix.Read(int(fd), b)
			return true
		})
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
		carried += n
	}
}
