package signature

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// PublicKey is a key that signatures are checked with. The zero value accepts nothing.
type PublicKey struct {
	kind algorithm
	spki string // DER, SubjectPublicKeyInfo of RFC 5280 section 4.1
	ec   *ecdsa.PublicKey
}

type algorithm uint8

const (
	none algorithm = iota
	ed25519Key
	p256Key
	p384Key
)

// forms are the three SubjectPublicKeyInfos that there are for our algorithms: DER has one encoding for each value, so all before the key itself is
// constant (RFC 8410 section 4, RFC 5480 section 2.1.1). An ASN.1 parser would be more code on the device, and accept more.
var forms = []struct {
	kind   algorithm
	name   string
	prefix string
	size   int // of the key behind the prefix: 32 bytes, or a point that is not compressed (04 X Y)
	curve  elliptic.Curve
}{
	{ed25519Key, "Ed25519", "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", ed25519.PublicKeySize, nil},
	{p256Key, "P-256", "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00", 65, elliptic.P256()},
	{p384Key, "P-384", "\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00", 97, elliptic.P384()},
}

// KeyForm says what a key looks like, for whoever has written something else.
const KeyForm = `write the line that bantam keygen prints, e.g. "MCowBQYDK2VwAyEA...", or the lines from BEGIN PUBLIC KEY to END PUBLIC KEY of cosign.pub`

// maxKeyText bounds what ParseKey looks at; the longest key that it takes has 215 bytes as PEM.
const maxKeyText = 4 << 10

// ParseKey reads a public key: the base64 of its SubjectPublicKeyInfo, on one line, or that in PEM as openssl and cosign write it. The error says
// what the text is instead, in words that follow "the key".
func ParseKey(text string) (PublicKey, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return PublicKey{}, errors.New("is empty")
	}
	if len(text) > maxKeyText {
		return PublicKey{}, fmt.Errorf("has %d bytes; none that is known has more than 215", len(text))
	}
	if strings.Contains(text, "-----BEGIN") {
		return parsePEM(text)
	}
	if err := otherForm(text); err != nil {
		return PublicKey{}, err
	}
	der, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return PublicKey{}, errors.New("is neither base64 on one line nor PEM")
	}
	return parseSPKI(der)
}

var errPrivate = errors.New("is a private key, which belongs on no device; take the public one, NAME.pub")

func parsePEM(text string) (PublicKey, error) {
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return PublicKey{}, errors.New("begins like PEM, but is not whole")
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return PublicKey{}, errPrivate
	case block.Type == "CERTIFICATE":
		return PublicKey{}, errors.New("is a certificate, not a bare public key; `openssl x509 -pubkey -noout` prints that")
	case block.Type != "PUBLIC KEY":
		return PublicKey{}, fmt.Errorf("is PEM of type %q, not of PUBLIC KEY", block.Type)
	case !strings.HasPrefix(text, "-----BEGIN") || len(bytes.TrimSpace(rest)) != 0:
		return PublicKey{}, errors.New("has something before or behind it; each key is a string of its own")
	}
	return parseSPKI(block.Bytes)
}

// otherForm knows keys of other programs, which people try first.
func otherForm(text string) error {
	first, _, _ := strings.Cut(text, " ")
	switch {
	case strings.HasPrefix(first, "ssh-") || strings.HasPrefix(first, "ecdsa-sha2-"):
		return errors.New("is one of OpenSSH")
	case strings.HasPrefix(first, "untrusted"):
		return errors.New("is one of minisign or signify")
	case strings.HasPrefix(text, "RW") && len(text) == 56:
		return errors.New("is one of minisign or signify")
	case len(text) == 44 && strings.HasSuffix(text, "="):
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil && len(raw) == ed25519.PublicKeySize {
			return errors.New("is 32 bytes without the 12 that say of which kind they are")
		}
	}
	return nil
}

func parseSPKI(der []byte) (PublicKey, error) {
	for _, form := range forms {
		raw, ok := bytes.CutPrefix(der, []byte(form.prefix))
		if !ok || len(raw) != form.size {
			continue
		}
		key := PublicKey{kind: form.kind, spki: string(der)}
		if form.curve == nil {
			if fitsAll(raw) {
				return PublicKey{}, errors.New("is one that fits every signature")
			}
			return key, nil
		}
		point, err := ecdsa.ParseUncompressedPublicKey(form.curve, raw)
		if err != nil {
			return PublicKey{}, fmt.Errorf("is no point of the curve %s", form.name)
		}
		key.ec = point
		return key, nil
	}
	switch {
	case len(der) > 5 && bytes.HasPrefix(der[2:], []byte("\x02\x01\x00")) || len(der) > 6 && bytes.HasPrefix(der[3:], []byte("\x02\x01\x00")):
		return PublicKey{}, errPrivate // PKCS8's version, behind a length of one byte or two
	case bytes.Contains(der, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")):
		return PublicKey{}, errors.New("is of RSA; Bantam takes Ed25519, P-256 and P-384")
	case bytes.Contains(der, []byte("\x2a\x86\x48\xce\x3d\x02\x01")):
		return PublicKey{}, errors.New("is one of ECDSA, but not a point of P-256 or P-384 that is not compressed")
	}
	return PublicKey{}, errors.New("is not of Ed25519, P-256 or P-384")
}

// smallOrder are the y coordinates of Ed25519's eight points of small order, without the sign bit, with those that are not reduced: for them there
// are signatures that fit every message, so such a "key" would trust everybody.
var smallOrder = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

func fitsAll(raw []byte) bool {
	y := slices.Clone(raw)
	y[31] &= 0x7f
	return slices.Contains(smallOrder, hex.EncodeToString(y))
}

// Line returns the key as it stands in [trust] keys: base64 on one line.
func (k PublicKey) Line() string { return base64.StdEncoding.EncodeToString([]byte(k.spki)) }

// PEM returns the key as openssl and cosign read it.
func (k PublicKey) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte(k.spki)})
}

// String names the key for a person: its kind and the begin of its SHA-256, e.g. "Ed25519 key 6f1e04c22b9d".
func (k PublicKey) String() string {
	for _, form := range forms {
		if form.kind == k.kind {
			sum := sha256.Sum256([]byte(k.spki))
			return form.name + " key " + hex.EncodeToString(sum[:6])
		}
	}
	return "no key"
}

// verifies says whether this is a signature of the payload by the key.
func (k PublicKey) verifies(payload, signature []byte) bool {
	switch k.kind {
	case ed25519Key:
		raw := k.spki[len(k.spki)-ed25519.PublicKeySize:]
		return ed25519.Verify(ed25519.PublicKey(raw), payload, signature)
	case p256Key, p384Key:
		sum := sha256.Sum256(payload)
		return ecdsa.VerifyASN1(k.ec, sum[:], signature)
	}
	return false
}
