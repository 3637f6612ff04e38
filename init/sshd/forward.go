package sshd

import (
	"io"
	"strings"

	"golang.org/x/crypto/ssh"

	"bantam/init/sshline"
	"bantam/printable"
)

// forwarded is what a client asks for that forwards a connection (RFC 4254, section 7.2).
type forwarded struct {
	Host       string
	Port       uint32
	Origin     string
	OriginPort uint32
}

// ok tells whether there can be such a host and port.
func (f forwarded) ok() bool {
	for _, c := range []byte(f.Host) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return f.Host != "" && len(f.Host) <= 255 && f.Host[0] != '-' && f.Port > 0 && f.Port < 1<<16
}

// forward connects the client with a host and port. PID 1 starts nc for it, as the user: the first line of its errors is that it is
// connected, or why not.
func (c *connection) forward(offer ssh.NewChannel) {
	var to forwarded
	if ssh.Unmarshal(offer.ExtraData(), &to) != nil || !to.ok() {
		offer.Reject(ssh.ConnectionFailed, "no host and port")
		return
	}
	p, err := c.machine.begin(sshline.Open{Kind: sshline.Forward, Host: to.Host, Port: int(to.Port)}, 3)
	if err != nil {
		offer.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer p.close()
	told := make(chan string, 1)
	go func() {
		told <- firstLine(p.err)
		io.Copy(io.Discard, struct{ io.Reader }{p.err})
	}()
	line := ""
	select {
	case line = <-told:
	case <-c.over:
		c.machine.hangUp(p)
		return
	case <-c.machine.leave:
		offer.Reject(ssh.ConnectionFailed, c.machine.farewell())
		return
	}
	if !strings.HasPrefix(line, connected) {
		offer.Reject(ssh.ConnectionFailed, printable.Line(strings.TrimPrefix(line, "nc: ")))
		return
	}
	channel, requests, err := offer.Accept()
	if err != nil {
		return
	}
	closed := make(chan struct{})
	go func() {
		for r := range requests {
			r.Reply(false, nil)
		}
		close(closed)
	}()
	go p.feed(channel, true)
	p.carrying.Go(func() {
		p.carry(p.out, channel)
		channel.CloseWrite() // what it is connected with may still listen
	})
	select {
	case <-p.ended:
		p.drain()
	case <-closed:
		c.machine.hangUp(p)
	case <-c.machine.leave:
	}
	channel.Close()
	<-closed // until then it counts
}

// connected begins what nc says with -v once it is.
const connected = "nc: connected to "

// firstLine is the first line, as far as it is of a reasonable length.
func firstLine(f io.Reader) string {
	var line []byte
	b := make([]byte, 1)
	for len(line) < 512 {
		if n, err := f.Read(b); n == 0 || err != nil || b[0] == '\n' {
			break
		}
		line = append(line, b[0])
	}
	return string(line)
}
