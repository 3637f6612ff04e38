package sshd

import (
	"errors"
	"io"
	"os"
	"sync"

	"golang.org/x/crypto/ssh"

	"bantam/init/sshline"
)

// machine is what PID 1 does for the connection: questions and answers over the line.
type machine struct {
	line    *sshline.Line
	sending sync.Mutex

	leave chan struct{} // closed when the connection is to end: PID 1 says so, or is gone

	mu      sync.Mutex
	why     string // the connection is to end
	last    uint32 // number of a question
	waiting map[uint32]chan answer
	ended   map[uint32]chan sshline.Answer // of sessions
}

// answer is one with its descriptors.
type answer struct {
	sshline.Answer
	files []*os.File
}

var errNoMachine = errors.New("the machine ends this connection")

func newMachine(line *sshline.Line) *machine {
	return &machine{line: line, leave: make(chan struct{}), waiting: map[uint32]chan answer{}, ended: map[uint32]chan sshline.Answer{}}
}

// listen gives every answer to who waits for it, until the line ends.
func (m *machine) listen() {
	for {
		var a sshline.Answer
		files, err := m.line.Receive(&a, 3)
		if err != nil {
			m.leaveFor("")
			m.mu.Lock()
			for _, c := range m.waiting {
				close(c)
			}
			m.waiting = nil
			m.mu.Unlock()
			return
		}
		if a.Leave != "" {
			m.leaveFor(a.Leave)
			continue
		}
		m.mu.Lock()
		if a.Ended {
			if c := m.ended[a.ID]; c != nil {
				delete(m.ended, a.ID)
				c <- a
			}
		} else if c := m.waiting[a.ID]; c != nil {
			delete(m.waiting, a.ID)
			c <- answer{a, files}
			files = nil
		}
		m.mu.Unlock()
		for _, f := range files {
			f.Close()
		}
	}
}

// leaveFor lets the connection end, for the first reason of several.
func (m *machine) leaveFor(why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.leave:
	default:
		m.why = why
		close(m.leave)
	}
}

// farewell is what the client is told at a leave.
func (m *machine) farewell() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.why == "" {
		return errNoMachine.Error()
	}
	return m.why
}

// ask sends a question, whose number it chooses, and waits for the answer. Of a question that begins a session, ended gets the answer that
// says how it has ended.
func (m *machine) ask(r sshline.Request) (a answer, ended chan sshline.Answer, err error) {
	c := make(chan answer, 1)
	m.mu.Lock()
	if m.waiting == nil {
		m.mu.Unlock()
		return a, nil, errNoMachine
	}
	m.last++
	r.ID = m.last
	m.waiting[r.ID] = c
	if r.Open != nil {
		ended = make(chan sshline.Answer, 1)
		m.ended[r.ID] = ended
	}
	m.mu.Unlock()
	if err = m.send(r); err == nil {
		var ok bool
		if a, ok = <-c; !ok {
			err = errNoMachine
		} else if a.Error != "" {
			err = errors.New(a.Error)
		}
	}
	if err != nil {
		m.mu.Lock()
		delete(m.waiting, r.ID)
		delete(m.ended, r.ID)
		m.mu.Unlock()
	}
	return a, ended, err
}

func (m *machine) send(r sshline.Request) error {
	m.sending.Lock()
	defer m.sending.Unlock()
	return m.line.Send(r)
}

// hostKey is the ssh.Signer of the key that only PID 1 has.
type hostKey struct {
	public  ssh.PublicKey
	machine *machine
}

func (k hostKey) PublicKey() ssh.PublicKey { return k.public }

func (k hostKey) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	a, _, err := k.machine.ask(sshline.Request{Sign: data})
	if err != nil {
		return nil, err
	}
	return &ssh.Signature{Format: k.public.Type(), Blob: a.Signature}, nil
}
