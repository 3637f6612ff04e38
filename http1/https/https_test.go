package https

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/http1"
	"bantam/http1/rawserver"
)

var today = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// authority signs certificates of servers.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, from, to time.Time) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, key: key}
	a.cert = a.sign(&x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Authority"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, key)
	return a
}

func (a *authority) sign(c, by *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	if by == nil {
		by = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

func (a *authority) server(name string, from, to time.Time) *tls.Config {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: from, NotAfter: to}
	if ip := net.ParseIP(name); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	cert := a.sign(template, a.cert, key)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}, NextProtos: []string{"h2", "http/1.1"}}
}

// selfSigned is a server whose certificate is its own authority.
func selfSigned(a *authority, name string) *tls.Config {
	self := &authority{t: a.t, key: a.key}
	cert := self.sign(&x509.Certificate{SerialNumber: big.NewInt(3), DNSNames: []string{name}, NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter}, nil, a.key)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: a.key}}}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func TestServersAreWhoTheySayOrTheFaultIsClear(t *testing.T) {
	defer func(before func() bool) { confirmed = before }(confirmed)
	confirmed = func() bool { return true }
	year := 365 * 24 * time.Hour
	good := newAuthority(t, today.Add(-year), today.Add(year))
	expired := newAuthority(t, today.Add(-2*year), today.Add(-year))
	const host, address = "nas.example.org", "192.0.2.1"
	ok := good.server(host, today.Add(-time.Hour), today.Add(time.Hour))
	old := ok.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	twelve := ok.Clone()
	twelve.MaxVersion = tls.VersionTLS12
	hour := func(n int) time.Time { return today.Add(time.Duration(n) * time.Hour) }
	for claim, c := range map[string]struct {
		host   string // "": nas.example.org
		server *tls.Config
		roots  *x509.CertPool
		now    time.Time
		want   string // "": it is good
	}{
		"a good one":        {"", ok, good.pool(), today, ""},
		"TLS 1.2":           {"", twelve, good.pool(), today, ""},
		"TLS 1.1":           {"", old, good.pool(), today, "another version of TLS than 1.2 and 1.3"},
		"an address":        {address, good.server(address, hour(-1), hour(1)), good.pool(), today, ""},
		"another address":   {address, good.server("192.0.2.2", hour(-1), hour(1)), good.pool(), today, "valid for 192.0.2.2, not 192.0.2.1"},
		"an address's name": {address, ok, good.pool(), today, "doesn't contain any IP SANs"},
		"another name":      {"", good.server("nas.example.net", hour(-1), hour(1)), good.pool(), today, "not nas.example.org"},
		"expired":           {"", good.server(host, today.Add(-year), hour(-1)), good.pool(), today, "is no longer valid: it is good from 2025-11-29 12:00 to 2026-11-29 11:00, and this machine's clock says 2026-11-29 12:00 (UTC); if that is wrong, set it: date -s"},
		"a clock of 1970":   {"", ok, good.pool(), time.Unix(60, 0), "is not valid yet: it is good from 2026-11-29 11:00 to 2026-11-29 13:00, and this machine's clock says 1970-01-01 00:01"},
		"an old authority":  {"", expired.server(host, hour(-1), hour(1)), expired.pool(), today, "2026-11-29 12:00"},
		"of somebody else":  {"", newAuthority(t, today.Add(-year), today.Add(year)).server(host, hour(-1), hour(1)), good.pool(), today, "--ca FILE"},
		"signed by itself":  {"", selfSigned(good, host), good.pool(), today, "--ca FILE"},
		"no authorities":    {"", ok, x509.NewCertPool(), today, "--ca FILE"},
		"it speaks no TLS":  {"", nil, good.pool(), today, "does not speak TLS; it may be one for http://"},
	} {
		t.Run(claim, func(t *testing.T) {
			s := rawserver.New(t)
			asked := c.host
			if asked == "" {
				asked = host
			}
			s.Host(asked+":443", c.server, func(rawserver.Request) rawserver.Answer { return rawserver.Say(200, "hello") })
			client := &http1.Client{Dial: s.Dial, Secure: secure(c.roots, func() time.Time { return c.now })}
			if c.server == nil {
				client.Dial = talker("HTTP/1.1 400 Bad Request\r\n\r\n")
			}
			defer client.Close()
			body, err := fetch(t, client, "https://"+asked+"/x")
			switch {
			case c.want == "" && (err != nil || body != "hello"):
				t.Errorf("got %q, %v", body, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			case c.want != "" && len(s.Requests()) > 0:
				t.Error("it was asked all the same")
			}
		})
	}
}

func fetch(t *testing.T, client *http1.Client, address string) (string, error) {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Follow(t.Context(), &http1.Request{Method: "GET", URL: to})
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

// talker is a server that says something to whoever comes, and listens to nothing.
func talker(text string) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go io.Copy(io.Discard, far)
		go func() {
			io.WriteString(far, text)
			far.Close()
		}()
		return near, nil
	}
}

func TestAServerThatTakesNoHandshakeIsGivenUp(t *testing.T) {
	near, far := net.Pipe()
	t.Cleanup(func() { far.Close() })
	client := &http1.Client{Patience: 20 * time.Millisecond, Secure: secure(nil, time.Now),
		Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
	if _, err := fetch(t, client, "https://nas.example.org/x"); !errors.Is(err, http1.ErrStalled) {
		t.Errorf("got %v, want %v", err, http1.ErrStalled)
	}
}

func TestAMachineWithoutAuthoritiesSaysHowItGetsThem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca-certificates.crt")
	ask := func(over http1.Secure) error {
		client := &http1.Client{Secure: over, Dial: talker("")}
		_, err := fetch(t, client, "https://nas.example.org/x")
		return err
	}
	want := `nas.example.org: this machine knows no authority that vouches for servers (` + file +
		` is missing): add "ca-certificates" to packages in system.toml, or give a certificate with --ca FILE`
	if err := ask(lazily(file)); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if err := os.WriteFile(file, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ask(lazily(file)); err == nil || !strings.Contains(err.Error(), "holds no certificate") {
		t.Errorf("got %v", err)
	}
}

func TestAMachinesOwnAuthoritiesVouch(t *testing.T) {
	a := newAuthority(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	file := filepath.Join(t.TempDir(), "ca-certificates.crt")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	given, err := OnDevice(file)
	if err != nil {
		t.Fatal(err)
	}
	for claim, over := range map[string]http1.Secure{"its own": lazily(file), "a file that is given": given} {
		s := rawserver.New(t)
		s.Host("nas.example.org:443", a.server("nas.example.org", a.cert.NotBefore, a.cert.NotAfter), func(rawserver.Request) rawserver.Answer { return rawserver.Say(200, "hello") })
		client := &http1.Client{Secure: over, Dial: s.Dial}
		if body, err := fetch(t, client, "https://nas.example.org/x"); err != nil || body != "hello" {
			t.Errorf("%s: got %q, %v", claim, body, err)
		}
		client.Close()
	}
}

func TestAFileOfNoCertificatesIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{file: "holds no certificate", file + "x": "no such file"} {
		if _, err := New(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

func TestAnErrorOfDatesSaysWhetherTheClockIsKnownToBeRight(t *testing.T) {
	defer func(before func() bool) { confirmed = before }(confirmed)
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	err := x509.CertificateInvalidError{Cert: &x509.Certificate{NotBefore: now.Add(time.Hour), NotAfter: now.Add(2 * time.Hour)}, Reason: x509.Expired}
	const doubt = "which no time server has confirmed"
	for _, right := range []bool{true, false} {
		confirmed = func() bool { return right }
		if got := fault(err, now, "").Error(); strings.Contains(got, doubt) == right {
			t.Errorf("confirmed %v: %s", right, got)
		}
	}
}

func TestANameServersDatesCountOnceTheClockIsRight(t *testing.T) {
	a := newAuthority(t, today.AddDate(-2, 0, 0), today.AddDate(2, 0, 0))
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	chain := func(c *tls.Config) []*x509.Certificate {
		leaf, err := x509.ParseCertificate(c.Certificates[0].Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return []*x509.Certificate{leaf}
	}
	good := chain(a.server("dns.example", today.AddDate(0, -1, 0), today.AddDate(0, 1, 0)))
	stranger := newAuthority(t, today.AddDate(-2, 0, 0), today.AddDate(2, 0, 0))
	other := chain(stranger.server("dns.example", today.AddDate(0, -1, 0), today.AddDate(0, 1, 0)))
	for _, c := range []struct {
		claim             string
		chain             []*x509.Certificate
		now               time.Time
		right             bool
		believed, undated bool
	}{
		{"a good one", good, today, true, true, false},
		{"a good one, and the clock may be wrong", good, today, false, true, false},
		{"the clock says 1970", good, time.Unix(0, 0), false, true, true},
		{"the clock says 2040", good, today.AddDate(14, 0, 0), false, true, true},
		{"it is over, and the clock is right", good, today.AddDate(1, 0, 0), true, false, false},
		{"of another authority, and the clock may be wrong", other, time.Unix(0, 0), false, false, false},
		{"none", nil, today, true, false, false},
	} {
		undated, err := verify(c.chain, "dns.example", roots, c.now, c.right)
		if (err == nil) != c.believed || undated != c.undated {
			t.Errorf("%s: believed %v (%v), undated %v", c.claim, err == nil, err, undated)
		}
		if _, err := verify(c.chain, "other.example", roots, c.now, c.right); err == nil {
			t.Errorf("%s: believed as other.example", c.claim)
		}
	}
}
