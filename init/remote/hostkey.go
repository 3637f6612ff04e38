package remote

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
	"bantam/entropy"
	"bantam/regular"
	"bantam/system"
)

const (
	keyType = "ssh-ed25519"
	keyMost = 4 << 10 // bytes of a file
	keyPEM  = "PRIVATE KEY"
)

// pkcs8 is what comes before the seed of an Ed25519 key in PKCS #8 (RFC 8410, section 7).
var pkcs8 = []byte{0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20}

// HostKey is this machine's key, by which clients know it again. It is made when it is first asked for.
type HostKey struct {
	Path  string               // e.g. /state/ssh-host-key
	Note  func(string)         // tells people what became of it
	Guard func(string, func()) // runs its goroutine

	once  sync.Once
	ready chan struct{}
	key   ed25519.PrivateKey
}

// NewHostKey is the key of a file, which need not be there.
func NewHostKey(path string, note func(string), guard func(string, func())) *HostKey {
	return &HostKey{Path: path, Note: note, Guard: guard, ready: make(chan struct{})}
}

// Ready begins to read or make the key. A first one waits for the kernel's random numbers.
func (h *HostKey) Ready() <-chan struct{} {
	h.once.Do(func() {
		go h.Guard("host key", func() {
			h.key = h.open()
			close(h.ready)
		})
	})
	return h.ready
}

// open reads the key, or makes one that lasts if it can be written.
func (h *HostKey) open() ed25519.PrivateKey {
	text, err := regular.Read(h.Path, unix.O_NOFOLLOW, keyMost)
	if err == nil {
		key, fault := parseKey(text)
		if fault == nil {
			return key
		}
		kept := h.Path + ".damaged"
		if err := atomicfile.Write(kept, text, 0o600); err != nil {
			kept = err.Error()
		}
		h.Note(fmt.Sprintf("the host key of SSH is damaged (%v), so clients will not know the machine by its new one; what the file had: %s", fault, kept))
	} else if !errors.Is(err, fs.ErrNotExist) {
		h.Note(fmt.Sprintf("the host key of SSH cannot be read, so clients will not know the machine by the one that it has until the next boot: %v", err))
	}
	seed := make([]byte, ed25519.SeedSize)
	entropy.Fill(seed)
	key := ed25519.NewKeyFromSeed(seed)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		if err := atomicfile.Write(h.Path, formatKey(seed), 0o600); err != nil {
			h.Note(fmt.Sprintf("the host key of SSH is not kept, and the next boot makes another: %v", err))
		}
	}
	return key
}

func formatKey(seed []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: keyPEM, Bytes: append(bytes.Clone(pkcs8), seed...)})
}

func parseKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != keyPEM {
		return nil, errors.New("it is no private key")
	}
	seed, ok := bytes.CutPrefix(block.Bytes, pkcs8)
	if !ok || len(seed) != ed25519.SeedSize {
		return nil, errors.New("it is not of the kind Ed25519")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// The rest is of a key that is ready.

// Public is as SSH writes it (RFC 8709, section 4).
func (h *HostKey) Public() []byte {
	public := h.key[ed25519.SeedSize:]
	b := binary.BigEndian.AppendUint32(nil, uint32(len(keyType)))
	b = append(b, keyType...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(public)))
	return append(b, public...)
}

// Sign signs data, and only PID 1 can.
func (h *HostKey) Sign(data []byte) []byte { return ed25519.Sign(h.key, data) }

// Fingerprint is what ssh shows at the first connection, "" while there is no key.
func (h *HostKey) Fingerprint() string {
	select {
	case <-h.ready:
	default:
		return ""
	}
	return system.KeyFingerprint(keyType + " " + base64.StdEncoding.EncodeToString(h.Public()))
}
