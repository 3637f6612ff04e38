// Package pppoe is what is known of a session with a provider (RFC 2516), and pure: how pppd is told to open one, what
// its end means, when it is tried again. Package dial is the process that runs pppd by it.
//
// The session's packets are the kernel's to carry. pppd negotiates, and sets the address of IPv4 and the link-local one
// of IPv6 on a link that has the name of its table; routes, name servers and all else are the network configurator's.
package pppoe

import (
	"encoding/json"
	"net/netip"
	"path/filepath"

	"bantam/regular"

	"golang.org/x/sys/unix"
)

// Folder is where Facts lie, a file for each link. Only root writes there.
const Folder = "/run/bantam/net/pppoe"

// Path is the file of a link's Fact in a folder.
func Path(folder, link string) string { return filepath.Join(folder, link+".json") }

// Fact is how a session is. It is all that the network configurator learns of it beside what the kernel says.
type Fact struct {
	Up     bool         `json:"up"`
	Reason string       `json:"reason,omitempty"` // why it is not up, in words
	Local  netip.Addr   `json:"local,omitzero"`   // IPv4; invalid: none was given
	Remote netip.Addr   `json:"remote,omitzero"`
	DNS    []netip.Addr `json:"dns,omitempty"`
}

// mostFact bounds a file, in bytes.
const mostFact = 4 << 10

// Read reads the Fact of a link; the zero value where there is none.
func Read(folder, link string) (f Fact) {
	text, err := regular.Read(Path(folder, link), unix.O_NOFOLLOW, mostFact)
	if err != nil || json.Unmarshal(text, &f) != nil {
		return Fact{}
	}
	return f
}

// Text is the Fact as a file.
func (f Fact) Text() []byte {
	text, err := json.Marshal(f)
	if err != nil {
		return nil // texts and addresses: it cannot be
	}
	return append(text, '\n')
}
