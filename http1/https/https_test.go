package https

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
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
	cert := a.sign(&x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: from, NotAfter: to}, a.cert, key)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}, NextProtos: []string{"h2", "http/1.1"}}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func TestServersAreWhoTheySayOrTheFaultIsClear(t *testing.T) {
	year := 365 * 24 * time.Hour
	good := newAuthority(t, today.Add(-year), today.Add(year))
	expired := newAuthority(t, today.Add(-2*year), today.Add(-year))
	const host = "nas.example.org"
	ok := good.server(host, today.Add(-time.Hour), today.Add(time.Hour))
	old := ok.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	twelve := ok.Clone()
	twelve.MaxVersion = tls.VersionTLS12
	for claim, c := range map[string]struct {
		server *tls.Config
		roots  *x509.CertPool
		now    time.Time
		want   string // "": it is good
	}{
		"a good one":                  {ok, good.pool(), today, ""},
		"TLS 1.2":                     {twelve, good.pool(), today, ""},
		"TLS 1.1":                     {old, good.pool(), today, "protocol version"},
		"another name":                {good.server("nas.example.net", today.Add(-time.Hour), today.Add(time.Hour)), good.pool(), today, "not nas.example.org"},
		"expired":                     {good.server(host, today.Add(-year), today.Add(-time.Hour)), good.pool(), today, "is no longer valid: it is good from 2025-11-29 12:00 to 2026-11-29 11:00, and this machine's clock says 2026-11-29 12:00"},
		"the clock begins in 1970":    {ok, good.pool(), time.Unix(60, 0), "is not valid yet: it is good from 2026-11-29 11:00 to 2026-11-29 13:00, and this machine's clock says 1970-01-01 00:01"},
		"an expired authority":        {expired.server(host, today.Add(-time.Hour), today.Add(time.Hour)), expired.pool(), today, "2026-11-29 12:00"},
		"of somebody else":            {newAuthority(t, today.Add(-year), today.Add(year)).server(host, today.Add(-time.Hour), today.Add(time.Hour)), good.pool(), today, "--ca FILE"},
		"no authorities at all":       {ok, x509.NewCertPool(), today, "--ca FILE"},
		"a server that speaks no TLS": {nil, good.pool(), today, "does not speak TLS"},
	} {
		t.Run(claim, func(t *testing.T) {
			s := rawserver.New(t)
			s.Host(host+":443", c.server, func(rawserver.Request) rawserver.Answer { return rawserver.Say(200, "hello") })
			client := &http1.Client{Dial: s.Dial, Secure: secure(c.roots, func() time.Time { return c.now })}
			if c.server == nil {
				client.Dial = talker("HTTP/1.1 400 Bad Request\r\n\r\n")
			}
			defer client.Close()
			body, err := fetch(t, client, "https://"+host+"/x")
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
