package http1

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
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
	case errors.As(err, &op) && errors.As(err, &call):
		return call.Err
	case err == io.EOF:
		return errEarly
	}
	return err
}

// tlsFault says what a person can do about a connection that cannot be secured.
func tlsFault(err error, now time.Time) error {
	var (
		notTLS    tls.RecordHeaderError
		invalid   x509.CertificateInvalidError
		authority x509.UnknownAuthorityError
		roots     x509.SystemRootsError
	)
	switch {
	case errors.As(err, &notTLS):
		return errors.New("the server does not speak TLS; it may be one for http://")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		c := invalid.Cert
		what := "is no longer valid"
		if now.Before(c.NotBefore) {
			what = "is not valid yet"
		}
		const form = "2006-01-02 15:04"
		return fmt.Errorf("the certificate of %.80q %s: it is good from %s to %s, and this machine's clock says %s (UTC); if that is wrong, set it with `date`",
			owner(c), what, c.NotBefore.UTC().Format(form), c.NotAfter.UTC().Format(form), now.UTC().Format(form))
	case errors.As(err, &authority), errors.As(err, &roots):
		return fmt.Errorf("%w; if it is of your own authority, give the file of that one's certificate with --ca FILE", err)
	}
	return plain(err)
}

// owner is what a certificate calls its owner.
func owner(c *x509.Certificate) string {
	if len(c.DNSNames) > 0 {
		return c.DNSNames[0]
	}
	return c.Subject.CommonName
}
