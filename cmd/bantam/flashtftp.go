package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"bantam/board"
	"bantam/flash"
	"bantam/recovery/tftp"
)

// byTFTP gives an image to a board whose boot loader asks for it by itself.
func (f *flashing) byTFTP() error {
	if err := f.survey(); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	b, err := f.rescued()
	if err != nil {
		return err
	}
	if b.Rescue.Host == "" {
		return fmt.Errorf("of board %s nobody has said at which address its boot loader asks for a file: host in the table [rescue] of a file of your own, see docs/boards.md, and --board FILE.toml", b.Name)
	}
	fmt.Fprintf(f.stdout, "%s: %v, %s\n", f.path, f.image.Kind, flash.Size(f.image.Size))
	image, remove, err := f.plain()
	if err != nil {
		return err
	}
	defer remove()
	server, err := f.listen(b.Rescue)
	if err != nil {
		return err
	}
	defer server.Close()
	server.Put(tftp.File{Name: b.Rescue.File, Data: image, Size: f.image.Size})
	show, end := f.progress()
	defer end()
	server.Show = func(done, total int64) { show("sending", done, total) }
	server.Say = func(line string) {
		end()
		fmt.Fprintln(f.stdout, line)
	}
	what := "whatever is asked for"
	if b.Rescue.File != "" {
		what = b.Rescue.File
	}
	server.Say(fmt.Sprintf("%v waits for a %s that asks for %s: connect its port, and have it ask (`bantam boards %s` tells how, if it is known). Ctrl-C ends", server.Address(), b.Name, what, b.Name))
	if err := server.Serve(f.ctx, true); err != nil {
		return err
	}
	fmt.Fprintln(f.stdout, "it was fetched whole; what the board does with it now its boot loader decides, and takes up to minutes: leave it switched on")
	return nil
}

// listen opens the TFTP server that a board's boot loader asks, and never changes the host's network for it.
func (f *flashing) listen(r board.Rescue) (*tftp.Server, error) {
	host, err := netip.ParsePrefix(r.Host)
	if err != nil {
		return nil, err // which the board's file would have said
	}
	server, err := tftp.Listen(netip.AddrPortFrom(host.Addr(), uint16(r.Port)))
	switch {
	case errors.Is(err, tftp.ErrNoAddress):
		port := "PORT"
		if all := ethernets(); len(all) == 1 {
			port = all[0]
		} else if len(all) > 1 {
			port = "PORT, which is one of " + strings.Join(all, ", ")
		}
		err = fmt.Errorf("this host does not have the address %v that the board asks. As root, for as long as it takes:\n  ip address add %v dev %s", host.Addr(), host, port)
	case errors.Is(err, tftp.ErrNoRight):
		err = fmt.Errorf("%w; as root:\n  %s", err, f.asRoot())
	case errors.Is(err, tftp.ErrInUse):
		err = fmt.Errorf("%w: `ss -lunp sport = :%d` as root names it", err, r.Port)
	}
	return server, err
}

// ethernets are the ports of this host that a board may be at.
func ethernets() (names []string) {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 && len(i.HardwareAddr) == 6 {
			names = append(names, i.Name)
		}
	}
	return names
}

// asRoot is this command line, for root.
func (f *flashing) asRoot() string {
	words := append([]string{"sudo"}, os.Args...)
	if self, err := os.Executable(); err == nil {
		words[1] = self
	}
	for i, word := range words {
		if path, err := filepath.Abs(word); err == nil && word == f.path {
			word = path
		}
		if quoted, err := syntax.Quote(word, syntax.LangPOSIX); err == nil {
			words[i] = quoted
		}
	}
	return strings.Join(words, " ")
}

// serveBeside runs a TFTP server for a conversation over a serial line. put changes what it gives.
func (f *flashing) serveBeside(r board.Rescue) (put func([]byte), stop func(), err error) {
	server, err := f.listen(r)
	if err != nil {
		return nil, nil, err
	}
	ctx, end := context.WithCancel(f.ctx)
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, false) }()
	return func(data []byte) { server.Put(tftp.File{Data: bytes.NewReader(data), Size: int64(len(data))}) }, func() {
		end()
		<-served
		server.Close()
	}, nil
}
