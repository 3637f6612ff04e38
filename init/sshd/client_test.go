package sshd

import (
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/crypto/ssh"
)

// dial logs in with Go's own client, which does what it is told.
func (h *host) dial() *ssh.Client {
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
	client, err := ssh.Dial("tcp", net.JoinHostPort("127.0.0.1", h.port), &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.FixedHostKey(hostKey),
	})
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
