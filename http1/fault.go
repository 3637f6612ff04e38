package http1

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// plain takes the words of package net from an error, and leaves its reason.
func plain(err error) error {
	var (
		dns  *net.DNSError
		op   *net.OpError
		call *os.SyscallError
	)
	switch {
	case errors.Is(err, ErrStalled):
		return err
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("no host is named %s: is the name right, and does this machine have a name server?", dns.Name)
	case errors.As(err, &dns):
		return fmt.Errorf("the name %s cannot be looked up: %s", dns.Name, dns.Err)
	case errors.As(err, &op) && op.Timeout():
		return fmt.Errorf("%w: no answer to connecting", ErrStalled)
	case errors.Is(err, unix.ECONNREFUSED):
		return fmt.Errorf("%w: nothing listens there; does the server run, and is the port right?", unix.ECONNREFUSED)
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH):
		return errors.New("no way leads there; is the network up, and the address right?")
	case errors.As(err, &op) && errors.As(err, &call):
		return call.Err
	case err == io.EOF:
		return errEarly
	}
	return err
}
