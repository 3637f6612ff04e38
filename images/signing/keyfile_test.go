package signing

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"bantam/signature"
)

const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func word(text string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(text), nil }
}

func neverAsked() ([]byte, error) { return nil, errors.New("asked for a passphrase") }

func mustGenerate(t testing.TB, kind string) PrivateKey {
	t.Helper()
	key, err := Generate(kind)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pkcs8PEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: plainKey, Bytes: der})
}

func TestAKeyFileIsOpenedByItsPassphraseAlone(t *testing.T) {
	for _, kind := range Types {
		key := mustGenerate(t, kind)
		for _, passphrase := range []string{"", "größer"} {
			text, err := key.Encode([]byte(passphrase))
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(text, word(passphrase))
			if err != nil || back.Public().Line() != key.Public().Line() {
				t.Errorf("%s, %q: %v, %v", kind, passphrase, back.Public(), err)
			}
			if _, err := Decode(text, word(passphrase+" ")); !errors.Is(err, ErrPassphrase) {
				t.Errorf("%s, %q with a blank: %v", kind, passphrase, err)
			}
		}
	}
}

func TestAKeyFileOfCosign1IsRead(t *testing.T) {
	text, err := mustGenerate(t, "p256").Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(bytes.ReplaceAll(text, []byte("SIGSTORE"), []byte("COSIGN")), word("")); err != nil {
		t.Error(err)
	}
}

func TestTwoFilesOfOneKeyHaveNothingInCommon(t *testing.T) {
	key := mustGenerate(t, "ed25519")
	first, err := key.Encode([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := key.Encode([]byte("x"))
	if err != nil || bytes.Equal(first, second) {
		t.Errorf("salt and nonce are the same: %s, %v", first, err)
	}
}

func TestAKeyWithoutPassphraseIsReadUnasked(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for want, signer := range map[string]any{"Ed25519": mustGenerate(t, "ed25519").signer, "P-256": mustGenerate(t, "p256").signer, "P-384": p384} {
		key, err := Decode(pkcs8PEM(t, signer), neverAsked)
		if err != nil || !strings.HasPrefix(key.Public().String(), want) {
			t.Errorf("%s: %v, %v", want, key.Public(), err)
		}
	}
}

func TestWhatIsNoPrivateKeyIsNamed(t *testing.T) {
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	file := func(text string) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: sigstoreKey, Bytes: []byte(text)})
	}
	with := func(params string) []byte {
		return file(`{"kdf":{"name":"scrypt","params":` + params + `,"salt":"AAAA"},"cipher":{"name":"nacl/secretbox","nonce":"` + strings.Repeat("A", 32) + `"},"ciphertext":"AAAA"}`)
	}
	for _, c := range []struct {
		claim string
		text  []byte
		want  string
	}{
		{"nothing", nil, "is no file of a private key"},
		{"a public key", mustGenerate(t, "p256").Public().PEM(), "is a public key"},
		{"SEC 1", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY"}), "openssl pkcs8 -topk8 -nocrypt"},
		{"a certificate", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE"}), `is PEM of type "CERTIFICATE"`},
		{"RSA", pkcs8PEM(t, long), "the key is of RSA"},
		{"P-521", pkcs8PEM(t, p521), "the key is one of ECDSA, but not"},
		{"no JSON", file("{"), "is not as cosign writes it"},
		{"another cipher", file(`{"kdf":{"name":"scrypt"},"cipher":{"name":"rot13"}}`), `"scrypt" and "rot13", which Bantam does not know`},
		{"a short nonce", file(`{"kdf":{"name":"scrypt"},"cipher":{"name":"nacl/secretbox","nonce":"AAAA"}}`), "does not know"},
		{"scrypt of 64 GiB", with(`{"N":67108864,"r":8,"p":1}`), "would take too much"},
		{"scrypt of more than all memory", with(`{"N":4611686018427387904,"r":8,"p":1}`), "would take too much"},
		{"scrypt for ever", with(`{"N":65536,"r":8,"p":1000000}`), "would take too much"},
		{"scrypt with nothing", with(`{}`), "would take too much"},
		{"scrypt with N that is no power of two", with(`{"N":1000,"r":8,"p":1}`), "power of 2"},
		{"a damaged box", with(`{"N":16,"r":8,"p":1}`), ErrPassphrase.Error()},
	} {
		if _, err := Decode(c.text, word("x")); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.claim, err, c.want)
		}
	}
	asked := errors.New("no terminal")
	good, err := mustGenerate(t, "p256").Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(good, func() ([]byte, error) { return nil, asked }); err != asked {
		t.Errorf("without an answer: %v", err)
	}
	if _, err := Generate("rsa"); err == nil {
		t.Error("RSA is made")
	}
}

func TestWhatAKeySignsItsPublicHalfVerifies(t *testing.T) {
	for _, kind := range Types {
		key, other := mustGenerate(t, kind), mustGenerate(t, kind)
		signed, err := key.Sign("registry.example/pc", digest)
		if err != nil {
			t.Fatal(err)
		}
		want := `{"critical":{"identity":{"docker-reference":"registry.example/pc"},"image":{"docker-manifest-digest":"` + digest +
			`"},"type":"cosign container image signature"},"optional":null}`
		if string(signed.Payload) != want {
			t.Errorf("payload %s, want %s", signed.Payload, want)
		}
		by, err := signature.Verify(digest, []signature.Signed{signed}, []signature.PublicKey{other.Public(), key.Public()})
		if by != 1 || err != nil {
			t.Errorf("%s: by %d, %v, want by 1", kind, by, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	key := mustGenerate(f, "ed25519")
	text, err := key.Encode(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(string(key.Public().PEM()))
	f.Fuzz(func(t *testing.T, text string) {
		refused := errors.New("refused") // scrypt is what takes the time
		if _, err := Decode([]byte(text), func() ([]byte, error) { return nil, refused }); err == nil {
			if block, _ := pem.Decode([]byte(text)); block == nil || block.Type != plainKey {
				t.Error("a key that no passphrase was asked for")
			}
		}
	})
}
