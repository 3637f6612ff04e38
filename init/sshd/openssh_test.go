package sshd

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestOpenSSHRunsACommand(t *testing.T) {
	h := newHost(t, nil)
	stdout, stderr, status := out(t, h.ssh("127.0.0.1", "echo out; echo errors >&2; exit 7"), nil)
	if stdout != "out\n" || stderr != "errors\n" || status != 7 {
		t.Errorf("got %q, %q, %d", stdout, stderr, status)
	}
}

func TestOpenSSHCarriesBytesBothWays(t *testing.T) {
	h := newHost(t, nil)
	sent := make([]byte, 8<<20)
	rand.NewChaCha8([32]byte{1}).Read(sent)
	stdout, stderr, status := out(t, h.ssh("-o", "RekeyLimit=1M", "127.0.0.1", "cat"), bytes.NewReader(sent))
	if status != 0 || !bytes.Equal([]byte(stdout), sent) {
		t.Errorf("%d of %d bytes came back, status %d: %s", len(stdout), len(sent), status, stderr)
	}
}
