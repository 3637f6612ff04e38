package signing

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/nacl/secretbox"
	"golang.org/x/crypto/scrypt"
)

// Kinds of PEM that a private key comes in.
const (
	sigstoreKey = "ENCRYPTED SIGSTORE PRIVATE KEY" // cosign's since 2.0
	cosignKey   = "ENCRYPTED COSIGN PRIVATE KEY"   // before; the same inside
	plainKey    = "PRIVATE KEY"                    // PKCS #8, as openssl genpkey writes it
)

// keyFile is what cosign's PEM holds: a PKCS #8 key in nacl/secretbox, whose key scrypt makes of the passphrase.
type keyFile struct {
	KDF struct {
		Name   string       `json:"name"`
		Params scryptParams `json:"params"`
		Salt   []byte       `json:"salt"`
	} `json:"kdf"`
	Cipher struct {
		Name  string `json:"name"`
		Nonce []byte `json:"nonce"`
	} `json:"cipher"`
	Ciphertext []byte `json:"ciphertext"`
}

type scryptParams struct {
	N int `json:"N"`
	R int `json:"r"`
	P int `json:"p"`
}

const (
	kdfName    = "scrypt"
	cipherName = "nacl/secretbox"
)

// ours are cosign 2's; it refuses others but those of its first versions.
var ours = scryptParams{N: 65536, R: 8, P: 1}

// mostMemory bounds what a key file can make scrypt take: 128 N r bytes. Those of cosign take 64 MiB.
const mostMemory = 256 << 20

// ErrPassphrase is why a key file is not opened; it may be damaged as well.
var ErrPassphrase = errors.New("the passphrase is not the one that it was written with, or the file is damaged")

// Encode writes a key as cosign does.
func (k PrivateKey) Encode(passphrase []byte) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		return nil, err
	}
	var f keyFile
	var nonce [24]byte
	f.KDF.Name, f.KDF.Params, f.KDF.Salt, f.Cipher.Name = kdfName, ours, make([]byte, 32), cipherName
	rand.Read(f.KDF.Salt) // never fails
	rand.Read(nonce[:])
	f.Cipher.Nonce = nonce[:]
	key, err := f.secret(passphrase)
	if err != nil {
		return nil, err
	}
	f.Ciphertext = secretbox.Seal(nil, der, &nonce, &key)
	text, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: sigstoreKey, Bytes: text}), nil
}

// secret is the key of the box.
func (f *keyFile) secret(passphrase []byte) (key [32]byte, err error) {
	p := f.KDF.Params
	if p.N < 2 || p.R < 1 || p.P < 1 || p.P > 16 || p.R > 1<<10 || p.N > mostMemory/128/p.R {
		return key, fmt.Errorf("scrypt with N %d, r %d, p %d would take too much", p.N, p.R, p.P)
	}
	bytes, err := scrypt.Key(passphrase, f.KDF.Salt, p.N, p.R, p.P, len(key))
	copy(key[:], bytes)
	return key, err
}

// Decode reads a private key: cosign's, or one of PKCS #8 without passphrase. The passphrase is only asked for where one is needed.
func Decode(text []byte, passphrase func() ([]byte, error)) (PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return PrivateKey{}, errors.New("is no file of a private key, NAME.key as bantam keygen or cosign write it")
	}
	switch block.Type {
	case plainKey:
		return pkcs8(block.Bytes)
	case sigstoreKey, cosignKey:
	case "PUBLIC KEY":
		return PrivateKey{}, errors.New("is a public key; a signature needs the private one, NAME.key")
	default:
		how := ""
		if strings.HasSuffix(block.Type, plainKey) {
			how = "; `openssl pkcs8 -topk8 -nocrypt` makes one of it that can be read"
		}
		return PrivateKey{}, fmt.Errorf("is PEM of type %q%s", block.Type, how)
	}
	var f keyFile
	if err := json.Unmarshal(block.Bytes, &f); err != nil {
		return PrivateKey{}, fmt.Errorf("is not as cosign writes it: %w", err)
	}
	if f.KDF.Name != kdfName || f.Cipher.Name != cipherName || len(f.Cipher.Nonce) != 24 {
		return PrivateKey{}, fmt.Errorf("is encrypted with %.40q and %.40q, which Bantam does not know", f.KDF.Name, f.Cipher.Name)
	}
	word, err := passphrase()
	if err != nil {
		return PrivateKey{}, err
	}
	key, err := f.secret(word)
	if err != nil {
		return PrivateKey{}, err
	}
	der, ok := secretbox.Open(nil, f.Ciphertext, (*[24]byte)(f.Cipher.Nonce), &key)
	if !ok {
		return PrivateKey{}, ErrPassphrase
	}
	return pkcs8(der)
}

func pkcs8(der []byte) (PrivateKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return PrivateKey{}, err
	}
	return privateKey(key)
}
