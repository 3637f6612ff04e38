package system

import (
	"strings"

	"bantam/yescrypt"
)

// Bounds of the memory that the check of a password takes, in bytes: the largest is what Debian's mkpasswd makes.
const (
	leastPassword = 1 << 20
	mostPassword  = 16 << 20
)

const passwordForm = `write what bantam password prints, e.g. "$y$j8T$7sJ8vPmkFBbHiUPgSwu2D1$..."`

// passwordFault says why a text is no hash that this machine checks, "" if it is one.
func passwordFault(text string) (why, suggestion string) {
	h, ok := yescrypt.Parse(text)
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
