package sshd

import (
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/crypto/ssh"
)

// hostKeyOfTests is the host's where the server runs within the test.
var hostKeyOfTests = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (h *host) clientConfig() *ssh.ClientConfig {
	h.t.Helper()
	text, err := os.ReadFile(h.path("key"))
	if err != nil {
		h.t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		h.t.Fatal(err)
	}
	hostKey, err := ssh.ParsePublicKey(h.start.HostKey)
	if err != nil {
		h.t.Fatal(err)
	}
	return &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.FixedHostKey(hostKey)}
}

// dial logs in with Go's own client, which does what it is told.
func (h *host) dial() *ssh.Client {
	h.t.Helper()
	client, err := ssh.Dial("tcp", net.JoinHostPort("127.0.0.1", h.port), h.clientConfig())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { client.Close() })
	return client
}

// connect connects without a word.
func (h *host) connect() net.Conn {
	h.t.Helper()
	before := len(h.served())
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", h.port))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	eventually(h.t, "a process for the connection", func() bool { return len(h.served()) > before })
	return conn
}

func readVersion(t *testing.T, conn net.Conn) {
	t.Helper()
	b := make([]byte, len(version)+2)
	if _, err := io.ReadFull(conn, b); err != nil || string(b) != version+"\r\n" {
		t.Fatalf("got %q, %v", b, err)
	}
}
