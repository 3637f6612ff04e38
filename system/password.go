package system

import "strings"

// Bounds of the memory that the check of a password takes, in bytes: the largest is what Debian's mkpasswd makes.
const (
	leastPassword = 1 << 20
	mostPassword  = 16 << 20
)

const passwordForm = `write what bantam password prints, e.g. "$y$j8T$7sJ8vPmkFBbHiUPgSwu2D1$..."`

// hashDigits are the digits of a hash, by value.
const hashDigits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// PasswordHash is a yescrypt hash in the form of crypt(5), $y$PARAMETERS$SALT$HASH, taken apart.
type PasswordHash struct {
	N, R int    // cost: N blocks of 128 * R bytes
	Salt string // as it is written
	Hash string // likewise, 43 digits
}

// ParsePassword takes a hash apart. It knows those with the usual flags and without further parameters.
func ParsePassword(text string) (h PasswordHash, ok bool) {
	parts := strings.Split(text, "$")
	if len(parts) != 5 || parts[0] != "" || parts[1] != "y" || len(parts[2]) != 3 || parts[2][0] != 'j' {
		return h, false
	}
	log, r := strings.IndexByte(hashDigits, parts[2][1])+1, strings.IndexByte(hashDigits, parts[2][2])+1
	h = PasswordHash{N: 1 << min(max(log, 0), 24), R: r, Salt: parts[3], Hash: parts[4]}
	all := strings.Trim(parts[3]+parts[4], hashDigits) == ""
	// A digit of 48 and more would begin a longer number.
	return h, all && log > 0 && log <= 24 && r > 0 && r <= 48 && len(h.Salt) >= 1 && len(h.Salt) <= 86 && len(h.Hash) == 43
}

// Memory is what its check takes, in bytes.
func (h PasswordHash) Memory() int { return 128 * h.N * h.R }

// passwordFault says why a text is no hash that this machine checks, "" if it is one.
func passwordFault(text string) (why, suggestion string) {
	h, ok := ParsePassword(text)
	switch {
	case ok && h.Memory() > mostPassword:
		return "its check would take more than 16M of memory", passwordForm
	case ok && h.Memory() < leastPassword:
		return "it is too weak: its check takes less than 1M of memory", passwordForm
	case ok:
		return "", ""
	case strings.HasPrefix(text, "$y$"):
		return "the hash is cut off or changed", passwordForm
	case strings.HasPrefix(text, "$"):
		return "only yescrypt hashes are taken, which begin with $y$j", passwordForm
	}
	return "that is no hash of a password, and the password itself stands nowhere", passwordForm
}
