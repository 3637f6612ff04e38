package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"testing"
)

// signer is a private key of the standard library with the public one as Bantam reads it.
type signer struct {
	key    crypto.Signer
	hash   crypto.Hash
	public PublicKey
}

func (s signer) sign(t *testing.T, payload []byte) Signed {
	t.Helper()
	message := payload
	if s.hash != 0 {
		sum := sha256.Sum256(payload)
		message = sum[:]
	}
	sig, err := s.key.Sign(rand.Reader, message, s.hash)
	if err != nil {
		t.Fatal(err)
	}
	return Signed{Payload: payload, Signature: sig}
}

// signers has one of each kind, by the name of its form.
func signers(t *testing.T) map[string]signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]signer{"Ed25519": {key: ed}}
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		list[name] = signer{key: key, hash: crypto.SHA256}
	}
	for name, s := range list {
		s.public, err = ParseKey(base64.StdEncoding.EncodeToString(spkiOf(t, s.key.Public())))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list[name] = s
	}
	return list
}

func spkiOf(t *testing.T, public crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestAKeyIsReadFromOneLineAndFromPEM(t *testing.T) {
	for name, s := range signers(t) {
		der := spkiOf(t, s.key.Public())
		armoured := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		for _, text := range []string{
			base64.StdEncoding.EncodeToString(der), armoured, strings.TrimSpace(armoured), "\n  " + armoured + "\n\n", strings.ReplaceAll(armoured, "\n", "\r\n"),
		} {
			k, err := ParseKey(text)
			if err != nil {
				t.Errorf("%s: ParseKey(%q): %v", name, text, err)
				continue
			}
			if !strings.HasPrefix(k.String(), name+" key ") {
				t.Errorf("%q is named %q, want %s", text, k, name)
			}
			if got := string(k.PEM()); got != armoured {
				t.Errorf("%s: PEM() = %q, want %q", name, got, armoured)
			}
			if got := k.Line(); got != base64.StdEncoding.EncodeToString(der) {
				t.Errorf("%s: Line() = %q", name, got)
			}
		}
	}
}

func TestWhatIsNoKeyIsNamed(t *testing.T) {
	armour := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	all := signers(t)
	ed := spkiOf(t, all["Ed25519"].key.Public())
	p256 := all["P-256"].key.Public().(*ecdsa.PublicKey)
	short, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(all["Ed25519"].key)
	if err != nil {
		t.Fatal(err)
	}
	line := base64.StdEncoding.EncodeToString
	uncompressed, err := p256.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	compressed := append([]byte{2 + uncompressed[64]&1}, uncompressed[1:33]...)
	offCurve := spkiOf(t, p256)
	offCurve[len(offCurve)-1] ^= 1
	trusting := append([]byte(forms[0].prefix), make([]byte, 32)...)

	for _, c := range []struct{ claim, text, want string }{
		{"nothing", " \n", "is empty"},
		{"a word", "hello", "is neither base64 on one line nor PEM"},
		{"a file name", "release.pub", "is neither base64 on one line nor PEM"},
		{"base64 on two lines", line(ed)[:40] + "\n" + line(ed)[40:], "is neither base64 on one line nor PEM"},
		{"base64 whose last bits are set", line(ed)[:59] + "B", "is not of Ed25519"},
		{"base64 that ends early", line(ed)[:56], "is not of Ed25519"},
		{"one byte more", line(append(ed, 0)), "is not of Ed25519"},
		{"a private key", armour("PRIVATE KEY", secret), "is a private key"},
		{"cosign's private key", armour("ENCRYPTED SIGSTORE PRIVATE KEY", []byte("{}")), "is a private key"},
		{"a private key on one line", line(secret), "is a private key"},
		{"a certificate", armour("CERTIFICATE", ed), "is a certificate"},
		{"other PEM", armour("RSA PUBLIC KEY", ed), "is PEM of type \"RSA PUBLIC KEY\""},
		{"half of PEM", armour("PUBLIC KEY", ed)[:50], "not whole"},
		{"two keys in one", armour("PUBLIC KEY", ed) + armour("PUBLIC KEY", ed), "something before or behind it"},
		{"words before it", "my key:\n" + armour("PUBLIC KEY", ed), "something before or behind it"},
		{"RSA", line(spkiOf(t, short.Public())), "is of RSA"},
		{"P-521", line(spkiOf(t, p521.Public())), "is one of ECDSA, but"},
		{"a compressed point", line(append([]byte("\x30\x39\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x22\x00"), compressed...)),
			"is one of ECDSA, but"},
		{"a point beside the curve", line(offCurve), "is no point of the curve P-256"},
		{"32 bytes alone", line(ed[12:]), "without the 12"},
		{"OpenSSH", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5 me@here", "is one of OpenSSH"},
		{"minisign", "untrusted comment: minisign public key\nRWQf6LRCGA9i53", "is one of minisign"},
		{"minisign's line", "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3", "is one of minisign"},
		{"a key that fits every signature", line(trusting), "fits every signature"},
		{"a megabyte", strings.Repeat("A", 1<<20), "has 1048576 bytes"},
	} {
		k, err := ParseKey(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.claim, err, c.want)
		}
		if err != nil && k != (PublicKey{}) {
			t.Errorf("%s: a key in spite of the error", c.claim)
		}
	}
}

// A key of small order has signatures that fit every message, so none of its encodings is a key.
func TestKeysOfSmallOrderAreRefused(t *testing.T) {
	for _, y := range smallOrder {
		raw, err := hex.DecodeString(y)
		if err != nil {
			t.Fatal(err)
		}
		for _, sign := range []byte{0, 0x80} {
			raw[31] = raw[31]&0x7f | sign
			if _, err := ParseKey(base64.StdEncoding.EncodeToString(append([]byte(forms[0].prefix), raw...))); err == nil {
				t.Errorf("%x is taken for a key", raw)
			}
		}
	}
}

// Whoever's parser reads a key, it reads the same: the standard library's agrees with ours about every text that ours takes.
func FuzzParseKey(f *testing.F) {
	f.Add("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=")
	f.Add("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKey(text)
		if err != nil {
			return
		}
		block, rest := pem.Decode(k.PEM())
		if block == nil || len(rest) != 0 {
			t.Fatalf("%q: PEM %q", text, k.PEM())
		}
		if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
			t.Errorf("%q is a key here, but not for crypto/x509: %v", text, err)
		}
		again, err := ParseKey(k.Line())
		if err != nil || again.String() != k.String() {
			t.Errorf("%q: its line %q is read as %v, %v", text, k.Line(), again, err)
		}
	})
}
