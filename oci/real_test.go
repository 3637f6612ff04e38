package oci

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"bantam/http1/https"
	"bantam/oci/registrytest"
	"bantam/switcher"
)

func push(t *testing.T, word string, o Options, m *machine) Pushed {
	t.Helper()
	var last, total int64
	p, err := Push(t.Context(), word, o, m, func(done, of int64) {
		if done < last || of < done {
			t.Errorf("%d of %d bytes behind %d", done, of, last)
		}
		last, total = done, of
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Digest != m.digest() || last != total || p.Sent != total {
		t.Errorf("pushed %+v, told %d of %d", p, last, total)
	}
	return p
}

func TestARealRegistryTakesWhatWePushAndSkopeoReadsIt(t *testing.T) {
	host := registrytest.Start(t, "", "")
	word, o := "http://"+host+"/machines/router:v1", Options{AllowHTTP: true}
	m := newMachine(3_000_000).sign()
	p := push(t, word, o, m)
	if p.SentBlobs != p.Blobs || p.Had != 0 || p.Signatures != 1 {
		t.Errorf("the first push: %+v", p)
	}
	m.wantSame(t, open(t, word, o))
	m.wantSame(t, open(t, "http://"+host+"/machines/router@"+string(m.digest()), o))

	// Nothing is sent twice, and another signature joins.
	if p := push(t, "http://"+host+"/machines/router:v2", o, m.sign()); p.SentBlobs != 0 || p.Sent != 0 || p.Signatures != 2 {
		t.Errorf("the second push: %+v", p)
	}
	m.wantSame(t, open(t, word, o))
	other := newMachine(200)
	if p := push(t, word, o, other); p.SentBlobs != 1 {
		t.Errorf("of another kernel: %+v", p)
	}
	other.wantSame(t, open(t, word, o))

	if raw := skopeo(t, "inspect", "--tls-verify=false", "--raw", "docker://"+host+"/machines/router:v2"); !bytes.Equal(raw, m.raw) {
		t.Errorf("skopeo inspect: got %q, want %q", raw, m.raw)
	}
	dir := t.TempDir()
	skopeo(t, "copy", "--preserve-digests", "--src-tls-verify=false", "docker://"+host+"/machines/router:v2", "oci:"+dir+":pc")
	signed := m.signed
	m.signed = nil // skopeo leaves them behind
	m.wantSame(t, open(t, dir, Options{}))
	m.signed = signed

	// And back: what skopeo pushes, we read.
	skopeo(t, "copy", "--preserve-digests", "--dest-tls-verify=false", "oci-archive:"+writeFile(t, "pc.tar", other.archived(t)), "docker://"+host+"/theirs:1")
	other.wantSame(t, open(t, "http://"+host+"/theirs:1", o))

	for word, want := range map[string]string{
		"/machines/router:v9": "is not there (MANIFEST_UNKNOWN", "/nobody:1": "is not there",
		"/machines/router@" + string(switcher.DigestOf(nil)): "is not there",
	} {
		if _, err := open(t, "http://"+host+word, o).Manifest(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", word, err, want)
		}
	}
}

// certificate makes a key and a certificate for 127.0.0.1 that is its own authority, as PEM files.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "registry"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert = writeFile(t, "cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return cert, writeFile(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

// The hash is of "secret", as htpasswd -B makes it.
const passwords = "me:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"

func TestARealRegistryWithTLSAndAPassword(t *testing.T) {
	cert, key := certificate(t)
	auth := fmt.Sprintf("auth: {htpasswd: {realm: here, path: %s}}\n", writeFile(t, "htpasswd", []byte(passwords)))
	host := registrytest.Start(t, fmt.Sprintf("  tls: {certificate: %s, key: %s}\n", cert, key), auth)
	word := host + "/pc:1"
	login := func(asked string) (string, string) {
		if asked != host {
			t.Errorf("a password for %s", asked)
		}
		return "me", "secret"
	}
	secure, err := https.New(cert)
	if err != nil {
		t.Fatal(err)
	}
	own, err := https.New("")
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(70_000)
	push(t, word, Options{Secure: secure, Login: login}, m)
	m.wantSame(t, open(t, word, Options{Secure: secure, Login: login}))
	m.wantSame(t, open(t, "https://"+word, Options{Secure: secure, Login: login}))

	for claim, c := range map[string]struct {
		o    Options
		want string
	}{
		"without a password":    {Options{Secure: secure}, "wants a login"},
		"with a wrong one":      {Options{Secure: secure, Login: func(string) (string, string) { return "me", "guess" }}, "does not allow it"},
		"without its authority": {Options{Secure: own, Login: login}, "--ca FILE"},
		"without TLS":           {Options{Login: login}, "does not speak TLS"},
	} {
		src, err := Open(t.Context(), word, c.o)
		if err == nil {
			_, err = src.Manifest(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", claim, err, c.want)
		}
	}
	if _, err := Open(t.Context(), "http://"+word, Options{Secure: secure}); err == nil || !strings.Contains(err.Error(), "--insecure") {
		t.Errorf("http:// without leave: %v", err)
	}
}
