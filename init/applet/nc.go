package applet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// nc connects standard input and output with a TCP or UDP peer.
func nc(c *call, args []string) int {
	opts, operands, err := parseOptions("lkup:w:zv46", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	patience, err := opts.seconds('w', 0)
	if err != nil {
		return c.misuse("%v", err)
	}
	network := "tcp"
	if opts.has('u') {
		network = "udp"
	}
	if opts.has('4') {
		network += "4"
	} else if opts.has('6') {
		network += "6"
	}
	if opts.has('l') {
		host, port := "", opts.value('p', "")
		switch len(operands) {
		case 1:
			if port == "" {
				port = operands[0]
			} else {
				host = operands[0]
			}
		case 2:
			host, port = operands[0], operands[1]
		}
		if port == "" {
			return c.misuse("-l needs a port")
		}
		return c.ncListen(network, net.JoinHostPort(host, port), opts, patience)
	}
	if len(operands) != 2 {
		return c.misuse("needs a host and a port")
	}
	dialer := net.Dialer{Timeout: patience}
	if port := opts.value('p', ""); port != "" {
		if network[:3] == "udp" {
			dialer.LocalAddr, err = net.ResolveUDPAddr(network, ":"+port)
		} else {
			dialer.LocalAddr, err = net.ResolveTCPAddr(network, ":"+port)
		}
		if err != nil {
			return c.misuse("-p: %v", err)
		}
	}
	target := net.JoinHostPort(operands[0], operands[1])
	conn, err := dialer.Dial(network, target)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return c.fail(target, errors.New(lookupReason(err)))
	}
	defer conn.Close()
	if opts.has('v') {
		c.warn("connected to %s", conn.RemoteAddr())
	}
	if opts.has('z') {
		return 0
	}
	return c.ncCopy(conn, patience)
}

func (c *call) ncListen(network, address string, opts options, patience time.Duration) int {
	if opts.has('u') {
		return c.ncListenUDP(network, address)
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return c.fail(address, errors.Unwrap(err))
	}
	defer listener.Close()
	if opts.has('v') {
		c.warn("listening on %s", listener.Addr())
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return c.fail(address, err)
		}
		if opts.has('v') {
			c.warn("connection from %s", conn.RemoteAddr())
		}
		if !opts.has('k') {
			listener.Close()
			return c.ncCopy(conn, patience)
		}
		c.ncCopy(conn, patience)
	}
}

// ncListenUDP answers whoever sent last.
func (c *call) ncListenUDP(network, address string) int {
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		return c.fail(address, errors.Unwrap(err))
	}
	peers := make(chan net.Addr, 1)
	go func() {
		peer := <-peers
		buffer := make([]byte, 16<<10)
		for {
			n, err := c.in.Read(buffer)
			if n > 0 {
				conn.WriteTo(buffer[:n], peer)
			}
			if err != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 65536)
	for first := true; ; first = false {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return c.fail(address, err)
		}
		if first {
			peers <- from
		}
		if _, err := c.rawOut.Write(buffer[:n]); err != nil {
			return 1
		}
	}
}

// moving puts the end of patience off with all that is sent.
type moving struct {
	conn     net.Conn
	patience time.Duration
}

func (m moving) Write(p []byte) (int, error) {
	n, err := m.conn.Write(p)
	if m.patience > 0 {
		m.conn.SetReadDeadline(time.Now().Add(m.patience))
	}
	return n, err
}

// ncCopy copies both ways until the peer has ended, or nothing moves for -w. A
// peer that only listens ends its own direction at once; a file or a pipe on
// standard input is still sent to it, a person at a terminal gets the prompt.
// Each direction ends by itself, as bantam-sshd needs it of a connection that it forwards.
func (c *call) ncCopy(conn net.Conn, patience time.Duration) int {
	defer conn.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		io.CopyBuffer(moving{conn, patience}, struct{ io.Reader }{c.in}, make([]byte, 4<<10))
		if half, ok := conn.(*net.TCPConn); ok {
			half.CloseWrite() // the peer may still answer
		}
	}()
	buffer := make([]byte, 32<<10)
	for {
		if patience > 0 {
			conn.SetReadDeadline(time.Now().Add(patience))
		}
		n, err := conn.Read(buffer)
		if _, werr := c.rawOut.Write(buffer[:n]); werr != nil {
			return 1
		}
		switch {
		case err == io.EOF:
			if !isTerminal(c.in) {
				// Who reads what comes is told that it is all, and may still have something to send.
				if f, ok := c.rawOut.(*os.File); ok && !c.seen {
					f.Close()
				}
				<-sent
			}
			return 0
		case errors.Is(err, os.ErrDeadlineExceeded):
			return 0
		case err != nil:
			var op *net.OpError
			if errors.As(err, &op) {
				err = op.Err
			}
			return c.fail(fmt.Sprint(conn.RemoteAddr()), err)
		}
	}
}
