package applet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"bantam/init/applet/packet"
)

// tcpdump shows what a link carries, or a pcap file. It opens its socket and
// files, gives up root, and only then looks at a byte of others.
func tcpdump(c *call, args []string) int {
	opts, words, err := parseOptions("nepvxXi:c:w:r:s:", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	count, err := opts.number('c', 0)
	snaplen, err2 := opts.number('s', packet.MaxBytes)
	if err := errors.Join(err, err2); err != nil {
		return c.misuse("%v", err)
	}
	if snaplen == 0 {
		snaplen = packet.MaxBytes
	}
	if count < 0 || snaplen < 0 || snaplen > packet.MaxBytes {
		return c.misuse("-c and -s need numbers, -s up to %d", packet.MaxBytes)
	}
	d := &dump{c: c, opts: opts, most: count, snaplen: uint32(snaplen), filter: strings.Join(words, " ")}
	var packets packetSource
	if path := opts.value('r', ""); path != "" {
		packets, err = d.openFile(path)
	} else {
		packets, err = d.openLink(opts.value('i', ""))
	}
	if err != nil {
		c.warn("%s", PrintableLine(err.Error()))
		return 1
	}
	defer packets.close()
	if err := d.openOutput(opts.value('w', "")); err != nil {
		return c.fail(opts.value('w', ""), err)
	}
	if err := dropPrivileges(); err != nil {
		c.warn("giving up root: %v", err)
		return 1
	}
	err = d.run(packets)
	if d.file != nil {
		// What was captured is written whatever ended it.
		err = errors.Join(err, d.file.Flush())
	}
	c.out.Flush()
	packets.counts(d.taken)
	if err != nil {
		return c.fail("", err)
	}
	return 0
}

// packetSource is a link or a file.
type packetSource interface {
	// open reads what tells the kind of link; privileges are gone by then.
	open() (packet.Link, error)
	// next waits for a packet; wait is called before that takes time. io.EOF ends.
	next(wait func()) (packet.Captured, error)
	counts(taken int)
	close()
}

type dump struct {
	c       *call
	opts    options
	most    int // 0: all
	taken   int
	snaplen uint32
	filter  string
	file    *packet.Writer
	write   io.Writer
}

func (d *dump) openOutput(path string) error {
	switch path {
	case "":
	case "-":
		if d.c.seen {
			return errors.New("binary on a terminal; send it to a file or a pipe")
		}
		d.write = d.c.rawOut
	default:
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		d.write = f
	}
	return nil
}

func (d *dump) run(packets packetSource) error {
	link, err := packets.open()
	if err != nil {
		return err
	}
	if d.write != nil {
		if d.file, err = packet.NewWriter(d.write, link, d.snaplen); err != nil {
			return err
		}
	}
	style := packet.Style{Link: d.opts.has('e'), Verbose: d.opts.has('v')}
	wait := func() {
		d.c.out.Flush()
		if d.file != nil {
			d.file.Flush()
		}
	}
	for d.most == 0 || d.taken < d.most {
		p, err := packets.next(wait)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		d.taken++
		if d.file != nil {
			if err := d.file.Write(p); err != nil {
				return fmt.Errorf("write: %w", err)
			}
			continue
		}
		d.c.printf("%s %s", p.At.Local().Format("15:04:05.000000"), packet.Line(p, link, style))
		if d.opts.has('x') || d.opts.has('X') {
			d.c.printf("%s", packet.Dump(p, link, d.opts.has('X')))
		}
		if err := d.c.out.WriteByte('\n'); err != nil {
			return nil // nobody reads
		}
	}
	return nil
}

func lookupAddresses(name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, errors.New(lookupReason(err))
	}
	return list, nil
}

// dropPrivileges makes the process nobody's where it is root's: what comes now
// was written by whoever can send a packet.
func dropPrivileges() error {
	const nobody = 65534
	if os.Geteuid() != 0 {
		return nil
	}
	// Package unix changes one thread, syscall all of them.
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := syscall.Setresgid(nobody, nobody, nobody); err != nil {
		return fmt.Errorf("setresgid: %w", err)
	}
	if err := syscall.Setresuid(nobody, nobody, nobody); err != nil {
		return fmt.Errorf("setresuid: %w", err)
	}
	return nil
}

// savedPackets is a pcap file and the filter over it.
type savedPackets struct {
	*dump
	f       io.ReadCloser
	reader  *packet.Reader
	program []packet.Instruction
}

func (d *dump) openFile(path string) (packetSource, error) {
	if path == "-" {
		return &savedPackets{dump: d, f: io.NopCloser(d.c.in)}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", path, reason(err))
	}
	return &savedPackets{dump: d, f: f}, nil
}

func (s *savedPackets) open() (packet.Link, error) {
	var err error
	if s.reader, err = packet.NewReader(s.f); err != nil {
		return packet.Link{}, err
	}
	s.program, err = packet.Compile(s.filter, s.reader.Link, s.snaplen, lookupAddresses)
	return s.reader.Link, err
}

func (s *savedPackets) next(func()) (packet.Captured, error) {
	for {
		p, err := s.reader.Read()
		if err != nil {
			return p, err
		}
		if n := packet.Run(s.program, p.Bytes); n > 0 {
			p.Bytes = p.Bytes[:min(len(p.Bytes), int(n))]
			return p, nil
		}
	}
}

func (s *savedPackets) counts(int) {}
func (s *savedPackets) close()     { s.f.Close() }
