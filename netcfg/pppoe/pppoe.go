// Package pppoe is what is known of a session with a provider (RFC 2516), and pure: how pppd is told to open one, what
// its end means, when it is tried again. Package dial is the process that runs pppd by it.
//
// The session's packets are the kernel's to carry. pppd negotiates, and sets the address of IPv4 and the link-local one
// of IPv6 on a link that has the name of its table; routes, name servers and all else are the network configurator's.
package pppoe

import "bantam/netcfg/session"

// Words are what is said of a session at a port.
func Words(port string) session.Words {
	return session.Words{Kind: Kind, Opening: Opening, Absent: "no carrier at " + port}
}

const (
	Kind    = "PPPoE"
	Opening = "is being opened"
)

// Folder is where the Facts of these sessions lie. Only root writes there.
const Folder = session.Folder + "/pppoe"
