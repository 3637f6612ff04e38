package test

import (
	"crypto/ed25519"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"bantam/switcher"
	"bantam/test/vm"
)

// slowServer gives what from has, and can stop in the middle.
type slowServer struct {
	from http.Handler

	mu      sync.Mutex
	sent    int64         // bytes, since it was last asked
	most    int64         // bytes of one answer, 0: all
	stalls  bool          // it says nothing more then, else it hangs up
	reached chan struct{} // gets a value when it stops
	end     chan struct{}
}

func (s *slowServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.from.ServeHTTP(&slowAnswer{ResponseWriter: w, s: s}, r)
}

func (s *slowServer) taken() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.sent
	s.sent = 0
	return n
}

func (s *slowServer) set(most int64, stalls bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most, s.stalls = most, stalls
}

type slowAnswer struct {
	http.ResponseWriter
	s    *slowServer
	sent int64
}

func (a *slowAnswer) Write(p []byte) (int, error) {
	a.s.mu.Lock()
	most, stalls := a.s.most, a.s.stalls
	a.s.mu.Unlock()
	if most > 0 && a.sent+int64(len(p)) > most {
		a.s.reached <- struct{}{}
		if stalls {
			<-a.s.end
		}
		panic(http.ErrAbortHandler)
	}
	n, err := a.ResponseWriter.Write(p)
	a.sent += int64(n)
	a.s.mu.Lock()
	a.s.sent += int64(n)
	a.s.mu.Unlock()
	return n, err
}

// serve serves machines, which know this host as 10.0.2.2.
func serve(t *testing.T, from http.Handler) (s *slowServer, address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = &slowServer{from: from, reached: make(chan struct{}, 100), end: make(chan struct{})}
	server := &http.Server{Handler: s}
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		close(s.end)
		server.Close()
	})
	return s, fmt.Sprintf("http://10.0.2.2:%d", l.Addr().(*net.TCPAddr).Port)
}

// serveSecurely is serve with TLS, by a certificate that is its own authority; that is in PEM.
func serveSecurely(t *testing.T, from http.Handler) (address string, authority []byte) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(10, 0, 2, 2)}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(crand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(from)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of who does not believe it
	s.StartTLS()
	t.Cleanup(s.Close)
	return fmt.Sprintf("https://10.0.2.2:%d", s.Listener.Addr().(*net.TCPAddr).Port), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// A generation with some megabytes of its own comes from a web server. The line breaks, then the power goes: what has come is not loaded again.
func TestAnImportGoesOnAfterABrokenLineAndAPowerCut(t *testing.T) {
	const example = "../examples/mqtt/system.toml"
	first := build(t, "pc", example)
	more := changed(t, example, `[file."/etc/mosquitto/mosquitto.conf"]`, "[file.\"/srv/data\"]\nsource = \"data\"\n\n[file.\"/etc/mosquitto/mosquitto.conf\"]")
	data := make([]byte, 6<<20) // that does not get smaller
	if _, err := rand.NewChaCha8([32]byte{}).Read(data); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(more), "data"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	files := t.TempDir()
	archiveOf(t, build(t, "pc", more), filepath.Join(files, "pc.oci.tar"))
	server, address := serve(t, http.FileServer(http.Dir(files)))
	secure, authority := serveSecurely(t, http.FileServer(http.Dir(files)))
	if err := os.WriteFile(filepath.Join(files, "ca.pem"), authority, 0o644); err != nil {
		t.Fatal(err)
	}
	args := pc(t, bios, "-drive", virtio(disk(t, filepath.Join(first, "pc.img"))))
	c := &console{Machine: vm.Start(t, args...), t: t, host: "mqtt"}
	c.booted()
	c.settled()
	load := "bantam import --insecure " + address + "/pc.oci.tar; echo code $?"
	c.must("bantam import "+address+"/pc.oci.tar; echo code $?", "http:// tells nobody who answers", "code 1")
	c.must("bantam import "+secure+"/pc.oci.tar; echo code $?", "this machine knows no authority", `"ca-certificates"`, "code 1")
	c.must("wget -O /tmp/ca.pem "+address+"/ca.pem; wget -O - --ca-certificate /tmp/ca.pem "+secure+"/ca.pem | cmp - /tmp/ca.pem; echo code $?", "code 0")
	server.taken()

	server.set(4<<20, false)
	said := c.must(load, "which are kept", "code 1")
	var kept, all int64
	if found := regexp.MustCompile(`it ended after (\d+) of (\d+) bytes`).FindStringSubmatch(said); found != nil {
		kept, _ = strconv.ParseInt(found[1], 10, 64)
		all, _ = strconv.ParseInt(found[2], 10, 64)
	}
	if kept == 0 || all < int64(len(data)) {
		t.Fatalf("%d of %d bytes are said to be kept:\n%s", kept, all, said)
	}
	c.must("bantam gc --dry-run", "bytes of an import that was cut off")
	c.must("bantam generations | wc -l", "2\n")

	// The second time it stands still, until the power goes.
	for len(server.reached) > 0 {
		<-server.reached
	}
	server.set(1<<20, true)
	c.Send(load + "\r")
	<-server.reached
	c.PowerCut()
	server.taken()
	server.set(0, false)
	c.Machine = vm.Start(t, args...)
	c.booted()
	c.settled()
	c.must("bantam status", "generation  1, good")
	c.must(load, "generation 2 is here", "code 0")
	// And what little is read of the archive to find the blobs in it.
	const search = 1 << 20
	if got := server.taken(); got > all-kept+search {
		t.Errorf("after the power cut %d bytes came of %d, of which %d had come before", got, all, kept)
	}
	c.must("wget -q -O /tmp/ca.pem "+address+"/ca.pem; bantam import --ca /tmp/ca.pem "+secure+"/pc.oci.tar; echo code $?", "generation 2 was here already (nothing had to be loaded)", "code 0")
	c.Send("bantam switch 2\r")
	c.Expect("generation 2 runs and is the default")
	c.prompt()
	c.must("ls -l /srv/data", "6291456")
	c.must("sha256sum /srv/data", switcher.DigestOf(data).Hex())
	c.must("ls /state/import/blobs | wc -l", "0\n")
	c.Send("poweroff\r")
	c.WaitEnd()
}
