package system

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"

	"bantam/system/syntax"
)

// keyForm says what a key looks like, for whoever has written something else.
const keyForm = `write the line of a .pub file, e.g. "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI... anna@laptop"`

// keyTypes are the kinds of keys that are taken, in the names of OpenSSH, each with the part of its blob that follows the name
// (RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH's PROTOCOL.u2f).
var keyTypes = map[string]func(b *keyBlob) (fault string){
	"ssh-ed25519":                        func(b *keyBlob) string { return b.ed25519() },
	"ecdsa-sha2-nistp256":                func(b *keyBlob) string { return b.ecdsa("nistp256", 32) },
	"ecdsa-sha2-nistp384":                func(b *keyBlob) string { return b.ecdsa("nistp384", 48) },
	"ecdsa-sha2-nistp521":                func(b *keyBlob) string { return b.ecdsa("nistp521", 66) },
	"ssh-rsa":                            func(b *keyBlob) string { return b.rsa() },
	"sk-ssh-ed25519@openssh.com":         func(b *keyBlob) string { return b.application(b.ed25519()) },
	"sk-ecdsa-sha2-nistp256@openssh.com": func(b *keyBlob) string { return b.application(b.ecdsa("nistp256", 32)) },
}

const leastRSA, mostRSA = 2048, 16384 // bits

// keyOf is a key's line without its comment.
func keyOf(line string) string {
	words := strings.Fields(line)
	return strings.Join(words[:min(len(words), 2)], " ")
}

// keyFault says why a line is no public key that opens a user, "" if it is one.
func keyFault(line string) (why, suggestion string) {
	words := strings.Fields(line)
	switch {
	case strings.Contains(line, "PRIVATE KEY"):
		return "that is a private key, which belongs nowhere but on the machine that it was made on", keyForm
	case strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return "a key is one line, without tabs and control characters", keyForm
	case len(words) == 0:
		return "there is no key", keyForm
	}
	check := keyTypes[words[0]]
	if check == nil {
		return typeFault(words)
	}
	if len(words) < 2 {
		return "behind " + words[0] + " the key itself is missing", keyForm
	}
	blob, err := base64.StdEncoding.DecodeString(words[1])
	if err != nil {
		return "the key is cut off or changed: it is no base64", keyForm
	}
	b := &keyBlob{rest: blob}
	if name := b.field(); string(name) != words[0] {
		return "the key is cut off or changed: it is not of the type " + words[0], keyForm
	}
	fault := check(b)
	if fault == "" && (b.short || len(b.rest) > 0) {
		fault = "the key is cut off or changed"
	}
	if fault != "" {
		return fault, keyForm
	}
	return "", ""
}

// typeFault is of a line that begins with something else than a type.
func typeFault(words []string) (why, suggestion string) {
	for i, word := range words[1:] {
		if keyTypes[word] != nil {
			return "options before the key are not taken, such as " + syntax.Quote(words[0]), "write it without them: " + syntax.Quote(strings.Join(words[i+1:min(len(words), i+2)], " ")+" ...")
		}
	}
	switch {
	case words[0] == "ssh-dss":
		return "DSA keys are too weak", "make a key with: ssh-keygen -t ed25519"
	case strings.Contains(words[0], "-cert-v01@openssh.com"):
		return "certificates are not taken", "write the key itself, of the .pub file without -cert"
	case strings.HasPrefix(words[0], "AAAA"):
		if blob, err := base64.StdEncoding.DecodeString(words[0]); err == nil {
			if name := string((&keyBlob{rest: blob}).field()); keyTypes[name] != nil {
				return "the type before the key is missing", "write " + syntax.Quote(name+" "+strings.Join(words, " "))
			}
		}
	case strings.HasPrefix(words[0], "SHA256:"):
		return "that is the fingerprint of a key", keyForm
	}
	return syntax.Quote(shortened(words[0])) + " is not a type of key; taken are ssh-ed25519, ecdsa-sha2-nistp256, -384 and -521, ssh-rsa, and the sk- types of security keys", keyForm
}

func shortened(word string) string {
	if len(word) > 40 {
		return word[:40] + "..."
	}
	return word
}

// keyBlob is what is left of a key in the form that it has on the wire: fields with their length before them.
type keyBlob struct {
	rest  []byte
	short bool // a field was cut off
}

func (b *keyBlob) field() []byte {
	if len(b.rest) < 4 {
		b.short = true
		return nil
	}
	n := binary.BigEndian.Uint32(b.rest)
	if uint64(n) > uint64(len(b.rest)-4) {
		b.short = true
		return nil
	}
	field := b.rest[4 : 4+n]
	b.rest = b.rest[4+n:]
	return field
}

func (b *keyBlob) ed25519() string {
	if key := b.field(); len(key) != 32 && !b.short {
		return "the key is cut off or changed: it has not 32 bytes"
	}
	return ""
}

func (b *keyBlob) ecdsa(curve string, size int) string {
	name, point := b.field(), b.field()
	if b.short {
		return ""
	}
	if string(name) != curve || len(point) != 1+2*size || point[0] != 4 {
		return "the key is cut off or changed: it is no point of " + curve
	}
	return ""
}

func (b *keyBlob) rsa() string {
	exponent, modulus := b.field(), bytes.TrimLeft(b.field(), "\x00")
	if b.short {
		return ""
	}
	if len(bytes.TrimLeft(exponent, "\x00")) == 0 || len(modulus) == 0 {
		return "the key is cut off or changed: it is no RSA key"
	}
	bits := len(modulus) * 8
	for top := modulus[0]; top < 0x80; top <<= 1 {
		bits--
	}
	if bits < leastRSA {
		return "an RSA key of " + strconv.Itoa(bits) + " bits is too weak; it takes " + strconv.Itoa(leastRSA) + " or more, or better ssh-ed25519"
	}
	if bits > mostRSA {
		return "an RSA key of " + strconv.Itoa(bits) + " bits is more than " + strconv.Itoa(mostRSA)
	}
	return ""
}

// application is the last field of a security key's.
func (b *keyBlob) application(fault string) string {
	if name := b.field(); fault == "" && !b.short && len(name) == 0 {
		return "the key is cut off or changed: it names no application"
	}
	return fault
}
