// Package docs is the pages of this folder that are about what one does on a
// device, in the device's binary: a machine on a serial line has no browser.
//
// They lie in it as text. Packed with gzip they would save 20 kB of memory, and
// make the image larger, because xz packs text better than what gzip has packed.
package docs

import _ "embed"

// Topic is one page.
type Topic struct {
	Name    string // e.g. switching, as in `bantam help switching`
	Purpose string // one line
	Text    string // Markdown
}

//go:embed switching.md
var switching string

//go:embed system.toml.md
var systemTOML string

//go:embed storage.md
var storage string

//go:embed users.md
var users string

//go:embed recovery.md
var recovery string

//go:embed secrets.md
var secrets string

//go:embed packages.md
var packages string

//go:embed files.md
var files string

//go:embed travel.md
var travel string

//go:embed signatures.md
var signatures string

//go:embed network.md
var network string

//go:embed pppoe.md
var pppoe string

//go:embed wifi.md
var wifi string

//go:embed firewall.md
var firewall string

//go:embed dns.md
var dns string

//go:embed clock.md
var clock string

//go:embed commands.md
var commands string

//go:embed ssh.md
var ssh string

//go:embed editor.md
var editor string

// Topics are in the order in which people need them.
var Topics = []Topic{
	{"switching", "edit, plan, switch, prove, roll back; the state volume", switching},
	{"system.toml", "the file, every key", systemTOML},
	{"packages", "programs of Debian: what comes with them, and what does not", packages},
	{"files", "your own files in a generation", files},
	{"storage", "files: what lasts, how much, and who may", storage},
	{"recovery", "buttons and LEDs, failsafe, factory reset", recovery},
	{"users", "people: accounts, keys, passwords at the consoles, operators", users},
	{"secrets", "passwords and keys that no generation holds", secrets},
	{"travel", "generations from files, web servers and registries; and away", travel},
	{"signatures", "whose generations a machine takes, and what a refusal means", signatures},
	{"network", "ports, addresses, DHCP, IPv6", network},
	{"pppoe", "a provider who wants user and password", pppoe},
	{"wifi", "radios: joining a network, access points, guests", wifi},
	{"firewall", "zones: who may reach whom and what; forwarded ports, rules of one's own", firewall},
	{"dns", "the DNS forwarder: names of this network, servers, TLS", dns},
	{"ssh", "logging in, copying files, what is refused", ssh},
	{"clock", "time servers, clock chips, the time zone", clock},
	{"editor", "the editor's keys", editor},
	{"commands", "the shell and its commands", commands},
}
