// Package https puts TLS over the connections of package http1: crypto/tls and crypto/x509 alone, which net/http would make four times as large
// (docs/size.md). It runs in processes that a person starts, never in PID 1.
package https

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"bantam/http1"
	"bantam/regular"
)

// maxCertificates bounds the file of authorities; Debian's of the whole world has 220 kB.
const maxCertificates = 4 << 20

// New makes what secures connections. Servers are believed that an authority of a file vouches for, certificates in PEM; "" means the machine's own.
func New(authorities string) (http1.Secure, error) {
	if authorities == "" {
		return secure(nil, time.Now), nil
	}
	roots, err := readAuthorities(authorities)
	if err != nil {
		return nil, err
	}
	return secure(roots, time.Now), nil
}

// readAuthorities reads certificates in PEM.
func readAuthorities(path string) (*x509.CertPool, error) {
	data, err := regular.Read(path, 0, maxCertificates)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", path)
	}
	return roots, nil
}

// deviceAuthorities is where a machine has what package ca-certificates brings.
const deviceAuthorities = "/etc/ssl/certs/ca-certificates.crt"

// OnDevice is New for a machine that has authorities only where its system.toml says so. Its own are read when they are needed.
func OnDevice(authorities string) (http1.Secure, error) {
	if authorities != "" {
		return New(authorities)
	}
	return lazily(deviceAuthorities), nil
}

func lazily(authorities string) http1.Secure {
	read := sync.OnceValues(func() (http1.Secure, error) { return New(authorities) })
	return func(c net.Conn, host string) (net.Conn, error) {
		over, err := read()
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf(`this machine knows no authority that vouches for servers (%s is missing): add "ca-certificates" to packages in system.toml, or give a certificate with --ca FILE`, authorities)
		}
		if err != nil {
			return nil, err
		}
		return over(c, host)
	}
}

func secure(roots *x509.CertPool, now func() time.Time) http1.Secure {
	return func(c net.Conn, host string) (net.Conn, error) {
		secured := tls.Client(c, &tls.Config{ServerName: host, RootCAs: roots, Time: now, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
		if err := secured.Handshake(); err != nil {
			return nil, fault(err, now(), "give the file of that one's certificate with --ca FILE")
		}
		return secured, nil
	}
}

// fault says what a person can do about a connection that cannot be secured; own, where the authority is theirs.
func fault(err error, now time.Time, own string) error {
	var (
		notTLS    tls.RecordHeaderError
		invalid   x509.CertificateInvalidError
		authority x509.UnknownAuthorityError
		roots     x509.SystemRootsError
	)
	switch {
	case strings.Contains(err.Error(), "protocol version"): // the type of alerts is not public
		return fmt.Errorf("the server speaks another version of TLS than 1.2 and 1.3: %w", err)
	case errors.As(err, &notTLS):
		return errors.New("the server does not speak TLS; it may be one for http://")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		c := invalid.Cert
		what := "is no longer valid"
		if now.Before(c.NotBefore) {
			what = "is not valid yet"
		}
		const form = "2006-01-02 15:04"
		doubt := ""
		if !confirmed() {
			doubt = ", which no time server has confirmed"
		}
		return fmt.Errorf("the certificate of %.80q %s: it is good from %s to %s, and this machine's clock says %s (UTC)%s; if that is wrong, set it: date -s TIME",
			owner(c), what, c.NotBefore.UTC().Format(form), c.NotAfter.UTC().Format(form), now.UTC().Format(form), doubt)
	case errors.As(err, &authority), errors.As(err, &roots):
		return fmt.Errorf("%w; if it is of your own authority, %s", err, own)
	}
	return err
}

// confirmed says whether the kernel was told that its clock is right.
var confirmed = func() bool {
	state, err := unix.Adjtimex(&unix.Timex{})
	return err == nil && state != unix.TIME_ERROR
}

// owner is what a certificate calls its owner.
func owner(c *x509.Certificate) string {
	if len(c.DNSNames) > 0 {
		return c.DNSNames[0]
	}
	return c.Subject.CommonName
}
