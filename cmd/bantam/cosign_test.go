package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"bantam/images/cosigntest"
	"bantam/oci/registrytest"
	"bantam/signature"
	"bantam/switcher"
)

func skopeoCopy(t *testing.T, from, to string) {
	t.Helper()
	out, err := exec.Command("skopeo", "copy", "--preserve-digests", "--insecure-policy", "--src-tls-verify=false", "--dest-tls-verify=false", from, to).CombinedOutput()
	if err != nil {
		t.Fatalf("skopeo (apt-get install skopeo): copy %s %s: %v: %s", from, to, err, out)
	}
}

// oneFlippedBitIsRefused tries each byte of payload and signature of what a layout holds.
func oneFlippedBitIsRefused(t *testing.T, where, public string) {
	t.Helper()
	digest, signed, keys := signaturesOf(t, "oci:"+where, public)
	for what, bytes := range map[string][]byte{"payload": signed[0].Payload, "signature": signed[0].Signature} {
		for i := range bytes {
			bytes[i] ^= 1 << (i % 8)
			if _, err := signature.Verify(string(digest), signed, keys); err == nil {
				t.Errorf("%s: accepted with a flipped bit in byte %d of its %s", where, i, what)
			}
			bytes[i] ^= 1 << (i % 8)
		}
	}
	if _, err := signature.Verify(string(digest), signed, keys); err != nil {
		t.Errorf("%s: %v", where, err)
	}
}

func sigTag(d switcher.Digest) string { return "sha256-" + d.Hex() + ".sig" }

// cosignKeys makes a key with each program, of each kind: NAME.key and NAME.pub in the working folder.
func cosignKeys(t *testing.T) (names []string) {
	t.Helper()
	for _, kind := range []string{"ed25519", "p256"} {
		bantam("", "keygen", "--type", kind, "bantam-"+kind).expect(t, exitOK, "[trust]", "signs")
		names = append(names, "bantam-"+kind)
	}
	cosigntest.Must(t, "generate-key-pair", "--output-key-prefix", "cosign-p256")
	out, err := exec.Command("openssl", "genpkey", "-algorithm", "ed25519", "-out", "plain.pem").CombinedOutput()
	if err != nil {
		t.Fatalf("openssl (apt-get install openssl): %v: %s", err, out)
	}
	cosigntest.Must(t, "import-key-pair", "--key", "plain.pem", "--output-key-prefix", "cosign-ed25519")
	return append(names, "cosign-p256", "cosign-ed25519")
}

func TestCosignAndBantamTakeEachOthersKeysAndSignatures(t *testing.T) {
	dir := workIn(t)
	t.Setenv(passphraseVariable, "correct horse")
	host := registrytest.Start(t, "", "")
	names := cosignKeys(t)
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			next := names[(i+1)%len(names)]
			key, public, other := name+".key", name+".pub", next+".pub"
			if got, want := cosigntest.Must(t, "public-key", "--key", key), readFile(t, public); got != want {
				t.Errorf("cosign public-key: %q, want %q", got, want)
			}

			// Ours, in a layout and in a registry.
			layout := "ours-" + name
			digest := smallLayout(t, layout, "pc")
			bantam("", "sign", "--key", key, "oci:"+layout).expect(t, exitOK, "signed with", "")
			repository := host + "/" + layout
			bantam("", "push", "--insecure", "--store", layout, "http://"+repository+":v7").expect(t, exitOK, "signatures: 1", "")
			local := []string{"--insecure-ignore-tlog", "--local-image", layout}
			remote := []string{"--insecure-ignore-tlog", repository + "@" + string(digest)}
			for _, where := range [][]string{local, remote} {
				cosigntest.Must(t, append([]string{"verify", "--key", public}, where...)...)
				if out, err := cosigntest.Run(t, append([]string{"verify", "--key", other}, where...)...); err == nil {
					t.Errorf("cosign verifies %s with %s: %s", where, other, out)
				}
			}

			// Cosign's.
			repository = host + "/theirs-" + name
			skopeoCopy(t, "oci:"+layout+":pc", "docker://"+repository+":pc")
			cosigntest.Must(t, "sign", "--yes", "--tlog-upload=false", "--key", key, "-a", "built-by=me", repository+"@"+string(digest))
			theirs := filepath.Join(dir, "theirs-"+name)
			skopeoCopy(t, "docker://"+repository+":pc", "oci:"+theirs+":pc")
			skopeoCopy(t, "docker://"+repository+":"+sigTag(digest), "oci:"+theirs+":"+sigTag(digest))
			if by, n := signedWith(t, "oci:"+theirs, other, public); by != 1 || n != 1 {
				t.Errorf("cosign's signature: by %d of %d, want by 1 of 1", by, n)
			}
			if by, _ := signedWith(t, "oci:"+theirs, other); by != -1 {
				t.Errorf("cosign's signature is one of %s", other)
			}
			if by, n := signedWith(t, "http://"+repository+":pc", public); by != 0 || n != 1 {
				t.Errorf("cosign's signature in the registry: by %d of %d, want by 0 of 1", by, n)
			}
			// Ours joins it, also where only the digest is named.
			bantam("", "sign", "--insecure", "--key", next+".key", "http://"+repository+"@"+string(digest)).expect(t, exitOK, "7) signed with", "")
			for _, k := range []string{public, other} {
				if by, n := signedWith(t, "http://"+repository+":pc", k); by != 0 || n != 2 {
					t.Errorf("%s: by %d of %d, want by 0 of 2", k, by, n)
				}
				cosigntest.Must(t, "verify", "--key", k, "--insecure-ignore-tlog", repository+"@"+string(digest))
			}
			for _, where := range []string{layout, theirs} {
				oneFlippedBitIsRefused(t, where, public)
			}
			// And in a layout, which cosign finds again.
			bantam("", "sign", "--key", next+".key", "oci:"+theirs).expect(t, exitOK, "7) signed with", "")
			cosigntest.Must(t, "verify", "--key", public, "--insecure-ignore-tlog", "--local-image", theirs)
			cosigntest.Must(t, "verify", "--key", other, "--insecure-ignore-tlog", "--local-image", theirs)
		})
	}
}
