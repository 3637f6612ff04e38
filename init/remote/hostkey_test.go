package remote

import (
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func hostKey(t *testing.T, path string) (*HostKey, *[]string) {
	t.Helper()
	var told []string
	h := NewHostKey(path, func(text string) { told = append(told, text) }, func(_ string, f func()) { f() })
	if h.Fingerprint() != "" {
		t.Error("there is a key before it was asked for")
	}
	<-h.Ready()
	return h, &told
}

func TestTheHostKeyStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	first, told := hostKey(t, path)
	again, _ := hostKey(t, path)
	if first.Fingerprint() != again.Fingerprint() || len(*told) > 0 {
		t.Errorf("%s, then %s; told %q", first.Fingerprint(), again.Fingerprint(), *told)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	data := []byte("hash")
	if !ed25519.Verify(ed25519.PublicKey(first.Public()[len(first.Public())-32:]), data, again.Sign(data)) {
		t.Error("the signature is not the key's")
	}
}

func TestOthersReadTheHostKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	h, _ := hostKey(t, path)
	public := filepath.Join(dir, "key.pub")
	if err := os.WriteFile(public, []byte("ssh-ed25519 "+base64.StdEncoding.EncodeToString(h.Public())+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ssh-keygen", "-l", "-f", public).CombinedOutput()
	if err != nil || strings.Fields(string(out))[1] != h.Fingerprint() {
		t.Errorf("ssh-keygen says %s, %v; want %s", out, err, h.Fingerprint())
	}
	out, err = exec.Command("openssl", "pkey", "-in", path, "-noout", "-text").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ED25519") {
		t.Errorf("openssl says %s, %v", out, err)
	}
}

func TestADamagedHostKeyIsKeptAsideAndTold(t *testing.T) {
	for _, text := range []string{"", "garbage", "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", strings.Repeat("x", keyMost)} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		h, told := hostKey(t, path)
		if kept, _ := os.ReadFile(path + ".damaged"); string(kept) != text || len(*told) != 1 {
			t.Errorf("%.10q: kept %.10q, told %q", text, kept, *told)
		}
		if again, _ := hostKey(t, path); again.Fingerprint() != h.Fingerprint() {
			t.Errorf("%.10q: the new one does not stay", text)
		}
	}
}

func TestAHostKeyThatCannotBeKeptIsTold(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "none", "key"): "not kept",
		dir:                               "cannot be read",
	} {
		h, told := hostKey(t, path)
		if h.Fingerprint() == "" || len(*told) != 1 || !strings.Contains((*told)[0], want) {
			t.Errorf("%s: told %q, want %s", path, *told, want)
		}
	}
	link := filepath.Join(dir, "link")
	target := filepath.Join(dir, "target")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if _, told := hostKey(t, link); len(*told) != 1 {
		t.Errorf("a link: told %q", *told)
	}
	if _, err := os.Stat(target); err == nil {
		t.Error("the key was written through a link")
	}
}
