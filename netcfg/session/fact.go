// Package session is what sessions that a program of others keeps have in common, and pure: how one is, when the program
// is started, and how long is waited after its end. A session with a provider is one (package pppoe), a radio another
// (package wifi). Package keep is the process that keeps one.
package session

import (
	"encoding/json"
	"net/netip"
	"path/filepath"

	"bantam/regular"

	"golang.org/x/sys/unix"
)

// Folder is where Facts lie, in a folder for each kind of session, e.g. pppoe, a file for each link. Nobody writes there
// but the processes of that kind.
const Folder = "/run/bantam/net"

// Path is the file of a link's Fact in a folder of one kind.
func Path(folder, link string) string { return filepath.Join(folder, link+".json") }

// Fact is how a session is. It is all that the network configurator learns of it beside what the kernel says.
type Fact struct {
	Up     bool         `json:"up"`
	AP     bool         `json:"ap,omitempty"`     // of a radio that is up: it is an access point
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
