package switcher

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Digest names immutable bytes, as OCI does: "sha256:" and 64 lower-case hexadecimal digits.
type Digest string

const digestPrefix = "sha256:"

// DigestOf returns the digest of data.
func DigestOf(data []byte) Digest {
	sum := sha256.Sum256(data)
	return Digest(digestPrefix + hex.EncodeToString(sum[:]))
}

// Valid says whether d is well formed. Only a valid digest may become part of a path.
func (d Digest) Valid() bool {
	hexa, ok := strings.CutPrefix(string(d), digestPrefix)
	if !ok || len(hexa) != 2*sha256.Size {
		return false
	}
	for _, c := range []byte(hexa) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Hex returns the digits alone, e.g. as netcfg reports the configuration it has applied.
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), digestPrefix) }

// Short returns the first twelve digits, for people.
func (d Digest) Short() string {
	h := d.Hex()
	return h[:min(12, len(h))]
}
