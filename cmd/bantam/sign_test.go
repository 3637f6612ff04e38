package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/oci"
	"bantam/signature"
	"bantam/switcher"
)

// smallLayout is an OCI layout with a generation for each board, which nothing could boot.
func smallLayout(t *testing.T, dir string, boards ...string) switcher.Digest {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	store, err := switcher.OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	var last switcher.Digest
	for _, board := range boards {
		put := func(mediaType, text string) switcher.Descriptor {
			d, err := store.PutBytes([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			return switcher.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(text))}
		}
		g := switcher.Generation{Board: board, Arch: "amd64", Release: 7,
			System: put(switcher.SystemType, "version = 7\nhostname = \""+board+"\"\n"), Kernel: put(switcher.KernelType, "kernel"),
			Initrd: []switcher.Descriptor{put(switcher.InitrdType, "modules"), put(switcher.InitrdType, "init")}}
		if last, err = store.PutGeneration(g, time.Time{}, map[string]string{"org.opencontainers.image.ref.name": board}); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

// signedWith says which of the keys has signed what a source holds, and how many signatures there are.
func signedWith(t *testing.T, where string, public ...string) (by, signatures int) {
	t.Helper()
	digest, signed, keys := signaturesOf(t, where, public...)
	by, err := signature.Verify(string(digest), signed, keys)
	if (err == nil) != (by >= 0) {
		t.Errorf("by %d, %v", by, err)
	}
	return by, len(signed)
}

// signaturesOf reads what a source holds, and files of public keys.
func signaturesOf(t *testing.T, where string, public ...string) (digest switcher.Digest, signed []signature.Signed, keys []signature.PublicKey) {
	t.Helper()
	src, err := oci.Open(context.Background(), where, oci.Options{AllowHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	raw, err := src.Manifest(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if signed, err = src.Signatures(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, file := range public {
		key, err := signature.ParseKey(readFile(t, file))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return switcher.DigestOf(raw), signed, keys
}

// archiveOf writes the generation of a layout as bantam build --archive does.
func archiveOf(t *testing.T, where, file string) {
	t.Helper()
	src, err := oci.Open(context.Background(), where, oci.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := oci.WriteArchive(context.Background(), f, "pc", src); err != nil {
		t.Fatal(err)
	}
}

func TestSignPutsASignatureBesideTheGeneration(t *testing.T) {
	workIn(t)
	t.Setenv(passphraseVariable, "x")
	bantam("", "keygen", "a").expect(t, exitOK, "[trust]", "a.key")
	bantam("", "keygen", "--type", "p256", "b").expect(t, exitOK, "[trust]", "b.key")
	digest := smallLayout(t, "store", "pc")
	archiveOf(t, "store", "pc.oci.tar")
	for _, where := range []string{"oci:store", "pc.oci.tar"} {
		if by, n := signedWith(t, where, "a.pub", "b.pub"); by != -1 || n != 0 {
			t.Errorf("%s: by %d, %d signatures before any", where, by, n)
		}
		said := "generation " + digest.Short() + " (board pc, version 7) "
		bantam("", "sign", "--key", "a.key", where).expect(t, exitOK, said+"signed with Ed25519 key", "")
		bantam("", "sign", "--key", "a.key", where).expect(t, exitOK, said+"is signed with Ed25519 key", "")
		if by, n := signedWith(t, where, "b.pub", "a.pub"); by != 1 || n != 1 {
			t.Errorf("%s: by %d, %d signatures, want 1, 1", where, by, n)
		}
		if by, _ := signedWith(t, where, "b.pub"); by != -1 {
			t.Errorf("%s: b has not signed it", where)
		}
		bantam("", "sign", "--key", "b.key", where).expect(t, exitOK, said+"signed with P-256 key", "")
		for _, public := range []string{"a.pub", "b.pub"} {
			if by, n := signedWith(t, where, public); by != 0 || n != 2 {
				t.Errorf("%s: %s: by %d of %d signatures", where, public, by, n)
			}
		}
	}
	if left, _ := filepath.Glob(".*"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	// What is put into an archive takes its signatures along.
	archiveOf(t, "oci:store", "copy.tar")
	if by, n := signedWith(t, "copy.tar", "b.pub"); by != 0 || n != 2 {
		t.Errorf("the archive of a signed layout: by %d, %d signatures", by, n)
	}
}

func TestSignOneOfSeveral(t *testing.T) {
	workIn(t)
	t.Setenv(passphraseVariable, "x")
	bantam("", "keygen", "a").expect(t, exitOK, "[trust]", "a.key")
	smallLayout(t, "store", "pc", "qemu-arm64")
	bantam("", "sign", "--key", "a.key", "oci:store").expect(t, exitFault, "", `it holds 2 generations: name one, as in oci:FOLDER:NAME`)
	bantam("", "sign", "--key", "a.key", "oci:store:pc").expect(t, exitOK, "board pc", "")
	if by, _ := signedWith(t, "oci:store:pc", "a.pub"); by != 0 {
		t.Error("it is not signed")
	}
	if by, _ := signedWith(t, "oci:store:qemu-arm64", "a.pub"); by != -1 {
		t.Error("the other is signed as well")
	}
}

func TestSignRefuses(t *testing.T) {
	dir := workIn(t)
	t.Setenv(passphraseVariable, "x")
	bantam("", "keygen", "a").expect(t, exitOK, "[trust]", "a.key")
	smallLayout(t, "store", "pc")
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("empty.key", "")
	write("rsa.key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n")
	good := readFile(t, "a.key")
	for _, c := range []struct {
		claim string
		args  []string
		code  int
		want  string
	}{
		{"nothing", nil, exitUsage, "want one generation, got 0 arguments"},
		{"no key", []string{"oci:store"}, exitUsage, "which key? --key FILE names it; bantam keygen makes one"},
		{"a key that is not there", []string{"--key", "b.key", "oci:store"}, exitFault, "open b.key: no such file"},
		{"a public key", []string{"--key", "a.pub", "oci:store"}, exitFault, "a.pub: is a public key; a signature needs the private one"},
		{"no key at all", []string{"--key", "empty.key", "oci:store"}, exitFault, "empty.key: is no file of a private key"},
		{"an RSA key", []string{"--key", "rsa.key", "oci:store"}, exitFault, `rsa.key: is PEM of type "RSA PRIVATE KEY"; ` + "`openssl pkcs8 -topk8 -nocrypt` makes"},
		{"no generation", []string{"--key", "a.key", "oci:" + dir}, exitFault, "no OCI image layout"},
		{"standard input", []string{"--key", "a.key", "-"}, exitFault, "there is no standard input"},
	} {
		bantam("", append([]string{"sign"}, c.args...)...).expect(t, c.code, "", c.want)
		if by, n := signedWith(t, "oci:store", "a.pub"); by != -1 || n != 0 {
			t.Errorf("%s: signed all the same", c.claim)
		}
	}
	t.Setenv(passphraseVariable, "y")
	bantam("", "sign", "--key", "a.key", "oci:store").expect(t, exitFault, "", "a.key: the passphrase is not the one that it was written with")
	if readFile(t, "a.key") != good {
		t.Error("the key file has changed")
	}
	unsetenv(t, passphraseVariable)
	bantam("", "sign", "--key", "a.key", "oci:store").expect(t, exitFault, "", "set COSIGN_PASSWORD")
	r, _ := atTerminal(t, []string{"x\n"}, "sign", "--key", "a.key", "oci:store")
	r.expect(t, exitOK, "signed with", "Passphrase of a.key")
	if strings.Contains(r.errors, "again") {
		t.Errorf("asked twice: %q", r.errors)
	}
}
