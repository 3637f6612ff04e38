//go:build !mips && !mipsle

package dnssockets

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// upstream is a name server over TLS: a stub that answers with one address, and knows what was asked of it how.
type upstream struct {
	mu       sync.Mutex
	conns    int
	lengths  []int
	perConn  int // answers, then it ends the connection; 0: all
	silent   bool
	listener net.Listener
}

func (u *upstream) set(f func()) { u.mu.Lock(); defer u.mu.Unlock(); f() }

// authority makes a certificate of an authority, in a file, and one of a server.
func authority(t *testing.T, path, name string, from, to time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Authority"}, NotBefore: from.AddDate(-1, 0, 0), NotAfter: to.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, root, root, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: from, NotAfter: to}
	if der, err = x509.CreateCertificate(rand.Reader, leaf, root, &key.PublicKey, key); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (p peer) upstream(address string, certificate tls.Certificate) *upstream {
	p.t.Helper()
	u := &upstream{}
	var err error
	p.here(func() { u.listener, err = net.Listen("tcp", address) })
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { u.listener.Close() })
	go func() {
		for {
			raw, err := u.listener.Accept()
			if err != nil {
				return
			}
			go u.serve(tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{certificate}}))
		}
	}()
	return u
}

func (u *upstream) serve(c net.Conn) {
	defer c.Close()
	first := true
	for n := 1; ; n++ {
		b, err := readFramed(c)
		if err != nil {
			return
		}
		var silent, last bool
		u.set(func() {
			if first {
				u.conns, first = u.conns+1, false
			}
			u.lengths = append(u.lengths, len(b))
			silent, last = u.silent, n == u.perConn
		})
		if silent {
			continue
		}
		if writeFramed(c, addressed(b)) != nil || last {
			return
		}
	}
}

func TestQuestionsGoOverTLS(t *testing.T) {
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	now := time.Now()
	good := authority(t, ca, "dns.example", now.Add(-time.Hour), now.Add(time.Hour))
	for at := dir; at != "/" && at != os.TempDir(); at = filepath.Dir(at) {
		os.Chmod(at, 0o755)
	}
	l := newLab(t, "AUTHORITIES="+ca)
	u := l.wan.upstream("198.51.100.1:853", good)
	ask := func(name string) string { t.Helper(); return l.lan.dig("@192.168.1.1 " + name) }
	why := func() string { return l.status().Servers[0].Why }

	l.configure([]string{"tls://198.51.100.1#dns.example"})
	for _, name := range []string{"a.example.org", "bb.example.org", "a-name-that-is-longer.example.org"} {
		if got := ask(name); !strings.Contains(got, "203.0.113.9") {
			t.Fatalf("%s:\n%s\n%s", name, got, why())
		}
	}
	u.set(func() {
		if u.conns != 1 {
			t.Errorf("%d connections for three questions, want one", u.conns)
		}
		for _, n := range u.lengths {
			if n != u.lengths[0] {
				t.Errorf("the lengths of questions tell them: %v", u.lengths)
			}
		}
		u.perConn = 1 // it ends each connection after an answer
	})
	for _, name := range []string{"c.example.org", "d.example.org", "e.example.org"} {
		if got := ask(name); !strings.Contains(got, "203.0.113.9") {
			t.Errorf("%s, from one that ends its connections:\n%s\n%s", name, got, why())
		}
	}
	u.set(func() { u.perConn, u.silent = 0, true })
	if got := ask("f.example.org"); !strings.Contains(got, "SERVFAIL") {
		t.Errorf("silent:\n%s", got)
	}
	u.set(func() { u.silent = false })
	l.Eventually("an answer after the silence", func() error {
		if got := ask("g.example.org"); !strings.Contains(got, "203.0.113.9") {
			return errText(got)
		}
		return nil
	})

	for _, c := range []struct {
		claim string
		serve func(address string)
		name  string
		want  string
	}{
		{"another name", func(at string) { l.wan.upstream(at, good) }, "other.example", "valid for dns.example, not other.example"},
		{"another authority", func(at string) {
			l.wan.upstream(at, authority(t, filepath.Join(dir, "other.pem"), "dns.example", now.Add(-time.Hour), now.Add(time.Hour)))
		}, "dns.example", "if it is of your own authority, put the certificate"},
		{"no TLS", func(at string) {
			l.wan.here(func() {
				listener, err := net.Listen("tcp", at)
				if err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(func() { listener.Close() })
				go func() {
					for {
						c, err := listener.Accept()
						if err != nil {
							return
						}
						c.Write([]byte("220 mail.example ESMTP ready for anything\r\n"))
						c.Close()
					}
				}()
			})
		}, "dns.example", "does not speak TLS"},
		{"nobody", func(string) {}, "dns.example", "connection refused"},
	} {
		address := "198.51.100.1:" + map[string]string{"another name": "8531", "another authority": "8532", "no TLS": "8533", "nobody": "8534"}[c.claim]
		c.serve(address)
		l.configure([]string{"tls://" + address + "#" + c.name})
		if got := ask("h.example.org"); !strings.Contains(got, "SERVFAIL") {
			t.Errorf("%s: answered:\n%s", c.claim, got)
		}
		if got := why(); !strings.Contains(got, c.want) {
			t.Errorf("%s: told %q, want %q", c.claim, got, c.want)
		}
	}
}
