package signature

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func payloadOf(digest string) []byte {
	return fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":"registry.example/pc"},"image":{"docker-manifest-digest":"%s"},`+
		`"type":"cosign container image signature"},"optional":null}`, digest)
}

func TestASignatureOfATrustedKeyIsAccepted(t *testing.T) {
	all := signers(t)
	keys := []PublicKey{all["P-256"].public, all["Ed25519"].public, all["P-384"].public}
	for want, name := range []string{"P-256", "Ed25519", "P-384"} {
		good := all[name].sign(t, payloadOf(digestA))
		other := signers(t)["Ed25519"].sign(t, payloadOf(digestA))
		elsewhere := all[name].sign(t, payloadOf(digestB))
		for _, signed := range [][]Signed{{good}, {other, good}, {good, other}, {elsewhere, other, good}, {{}, {Payload: []byte("{")}, good}} {
			if by, err := Verify(digestA, signed, keys); by != want || err != nil {
				t.Errorf("%s among %d signatures: by %d, %v, want by %d", name, len(signed), by, err, want)
			}
		}
	}
}

func TestWhatNoTrustedKeySignedIsRefused(t *testing.T) {
	all := signers(t)
	ed := all["Ed25519"]
	keys := []PublicKey{ed.public}
	other := signers(t)
	change := func(old, new string) Signed {
		return ed.sign(t, []byte(strings.Replace(string(payloadOf(digestA)), old, new, 1)))
	}
	for _, c := range []struct {
		claim  string
		signed []Signed
		keys   []PublicKey
		want   error
		words  string
	}{
		{"nothing", nil, keys, ErrUnsigned, ""},
		{"no key", []Signed{ed.sign(t, payloadOf(digestA))}, nil, ErrForeign, ""},
		{"the key that is none", []Signed{ed.sign(t, payloadOf(digestA))}, []PublicKey{{}}, ErrForeign, ""},
		{"another key of the same kind", []Signed{other["Ed25519"].sign(t, payloadOf(digestA))}, keys, ErrForeign, ""},
		{"another key of another kind", []Signed{other["P-256"].sign(t, payloadOf(digestA))}, keys, ErrForeign, ""},
		{"another manifest", []Signed{ed.sign(t, payloadOf(digestB))}, keys, ErrForeign, "another manifest"},
		{"the signature of another payload", []Signed{{payloadOf(digestA), ed.sign(t, payloadOf(digestB)).Signature}}, keys, ErrForeign, ""},
		{"an empty signature", []Signed{{Payload: payloadOf(digestA)}}, keys, ErrForeign, ""},
		{"a signed document of another type", []Signed{change(PayloadKind, "a letter")}, keys, ErrForeign, `"a letter"`},
		{"a signed document without type", []Signed{change(`"type"`, `"kind"`)}, keys, ErrForeign, "is \"\""},
		{"a signed document that names no digest", []Signed{change("docker-manifest-digest", "digest")}, keys, ErrForeign, "another manifest"},
		{"a signed digest with upper-case letters", []Signed{change(digestA, "sha256:"+strings.ToUpper(digestA[7:]))}, keys, ErrForeign, "another manifest"},
		{"a signed text that is no JSON", []Signed{ed.sign(t, []byte(digestA))}, keys, ErrForeign, "not a payload"},
		{"a signed document with something behind it", []Signed{ed.sign(t, append(payloadOf(digestA), payloadOf(digestB)...))}, keys, ErrForeign, "not a payload"},
		{"a long document", []Signed{ed.sign(t, append(payloadOf(digestA), make([]byte, MaxPayload)...))}, keys, ErrForeign, "more than"},
		{"more signatures than are looked at", slicesOf(ed.sign(t, payloadOf(digestA)), MaxSigned+1), keys, ErrForeign, "17 signatures"},
	} {
		by, err := Verify(digestA, c.signed, c.keys)
		if !errors.Is(err, c.want) || by != -1 || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: by %d, %v, want %v with %q", c.claim, by, err, c.want, c.words)
		}
	}
	if _, err := Verify("", []Signed{ed.sign(t, payloadOf(""))}, keys); !errors.Is(err, ErrForeign) {
		t.Errorf("a signature of no digest is one of the digest \"\": %v", err)
	}
}

func TestWhatNobodyHasSignedIsNotRead(t *testing.T) {
	mine, other := signers(t)["Ed25519"], signers(t)["Ed25519"]
	signed := []Signed{other.sign(t, payloadOf(digestB)), other.sign(t, []byte("{")), {Payload: payloadOf("call 555 for help")}}
	for _, one := range signed {
		if _, err := Verify(digestA, []Signed{one}, []PublicKey{mine.public}); err != ErrForeign {
			t.Errorf("%s: got %v, want %v", one.Payload, err, ErrForeign)
		}
	}
}

func slicesOf(s Signed, n int) (list []Signed) {
	for range n {
		list = append(list, s)
	}
	return list
}

func TestOneFlippedBitIsEnough(t *testing.T) {
	for name, s := range signers(t) {
		good := s.sign(t, payloadOf(digestA))
		flip := func(what string, bytes []byte) {
			for i := range bytes {
				for bit := range 8 {
					bytes[i] ^= 1 << bit
					if by, err := Verify(digestA, []Signed{good}, []PublicKey{s.public}); err == nil {
						t.Errorf("%s: accepted by %d with bit %d of byte %d of its %s flipped", name, by, bit, i, what)
					}
					bytes[i] ^= 1 << bit
				}
			}
		}
		flip("payload", good.Payload)
		flip("signature", good.Signature)
		for n := range good.Signature {
			if _, err := Verify(digestA, []Signed{{good.Payload, good.Signature[:n]}}, []PublicKey{s.public}); err == nil {
				t.Errorf("%s: accepted with %d bytes of its signature", name, n)
			}
		}
		if _, err := Verify(digestA, []Signed{{good.Payload, append(good.Signature, 0)}}, []PublicKey{s.public}); err == nil {
			t.Errorf("%s: accepted with a byte behind its signature", name)
		}
		if _, err := Verify(digestA, []Signed{good}, []PublicKey{s.public}); err != nil {
			t.Errorf("%s: unchanged: %v", name, err)
		}
	}
}

// Nothing that was not signed verifies, however it is written.
func FuzzVerify(f *testing.F) {
	f.Add(payloadOf(digestA), []byte("signature"))
	f.Add([]byte(`{"critical":null}`), []byte{})
	key, err := ParseKey("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload, signature []byte) {
		if by, err := Verify(digestA, []Signed{{payload, signature}}, []PublicKey{key}); by != -1 || err == nil {
			t.Errorf("accepted by %d", by)
		}
	})
}
