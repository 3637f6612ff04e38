package https

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"
)

// DNS secures connections to name servers (RFC 7858), each by the name that its certificate has to have.
//
// A machine without a clock chip does not know the time before it has asked a time server, whose name it may have to ask
// a name server for. So as long as no time server has confirmed the clock, a certificate may be outside of its dates; name
// and authority must be right all the same. Who makes connections ends such a one once the clock is right.
type DNS struct {
	Authorities string // a file of certificates in PEM; "" means the machine's own

	mu    sync.Mutex
	roots *x509.CertPool
	read  fs.FileInfo // when roots was
}

// ClockConfirmed says whether a time server has confirmed the clock.
func ClockConfirmed() bool { return confirmed() }

// Secure begins TLS with the server of that name. undated says that its certificate's dates were not looked at.
func (d *DNS) Secure(c net.Conn, name string) (secured net.Conn, undated bool, err error) {
	roots, err := d.authorities()
	if err != nil {
		return nil, false, err
	}
	now := time.Now()
	conn := tls.Client(c, &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection does
		VerifyConnection: func(s tls.ConnectionState) (err error) {
			undated, err = verify(s.PeerCertificates, name, roots, now, confirmed())
			return err
		}})
	if err := conn.Handshake(); err != nil {
		return nil, false, fault(err, now, "put the certificate of that one into "+d.path())
	}
	return conn, undated, nil
}

func (d *DNS) path() string {
	if d.Authorities == "" {
		return deviceAuthorities
	}
	return d.Authorities
}

// authorities reads the file again when it is another one: a switch may have changed it.
func (d *DNS) authorities() (*x509.CertPool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	path := d.path()
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf(`this machine knows no authority that vouches for servers (%s is missing): add "ca-certificates" to packages in system.toml`, path)
	}
	if err != nil {
		return nil, err
	}
	if d.read != nil && os.SameFile(d.read, info) && d.read.ModTime().Equal(info.ModTime()) && d.read.Size() == info.Size() {
		return d.roots, nil
	}
	roots, err := readAuthorities(path)
	if err != nil {
		return nil, err
	}
	d.roots, d.read = roots, info
	return roots, nil
}

// verify believes a chain of certificates as crypto/tls does, but for their dates where the clock may be wrong.
func verify(chain []*x509.Certificate, name string, roots *x509.CertPool, now time.Time, clockIsRight bool) (undated bool, err error) {
	if len(chain) == 0 {
		return false, errors.New("the server has shown no certificate")
	}
	options := x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err = chain[0].Verify(options)
	var invalid x509.CertificateInvalidError
	if clockIsRight || !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
		return false, err
	}
	options.CurrentTime = chain[0].NotBefore // when those above it were good as well
	_, err = chain[0].Verify(options)
	return err == nil, err
}
