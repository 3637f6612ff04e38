package payload

import (
	"maps"
	"path"
	"slices"
	"strings"

	"bantam/layer"
	"bantam/spelling"
	"bantam/system"
	"bantam/system/syntax"
)

// instead suggests what to write for a program that is not there: one of its name in another folder, the package of Debian
// that brings it, or a name that is near.
func (p *present) instead(program string) string {
	name := path.Base(program)
	names := system.OwnCommands()
	if slices.Contains(names, name) {
		return "did you mean " + syntax.Quote(name) + "?"
	}
	paths := make(map[string]string)
	for _, index := range p.tree {
		for _, e := range index {
			if e.Kind != layer.Folder && (e.Kind == layer.Link || e.Mode&0o111 != 0) && slices.Contains(programFolders, path.Dir(e.Path)) {
				paths[path.Base(e.Path)] = "/" + e.Path
			}
		}
	}
	if at := paths[name]; at != "" {
		return "did you mean " + syntax.Quote(at) + "?"
	}
	if owner := p.packageOf(name); owner != "" && !slices.Contains(p.System.Packages, owner) {
		return "package " + owner + " of Debian may have it: add " + syntax.Quote(owner) + " to packages"
	}
	names = append(names, slices.Sorted(maps.Keys(paths))...)
	if near := spelling.Nearest(name, names); near != "" {
		if at := paths[near]; at != "" && strings.Contains(program, "/") {
			near = at
		}
		return "did you mean " + syntax.Quote(near) + "?"
	}
	return "add the package that has it to packages, or the program itself as " + "[" + syntax.Join("program", name) + "]"
}

// owners are packages of programs that have another name.
var owners = map[string]string{
	"bgpd": "frr", "chronyc": "chrony", "chronyd": "chrony", "dnsmasq": "dnsmasq-base", "gpioget": "gpiod", "gpiomon": "gpiod", "gpioset": "gpiod", "i2cdetect": "i2c-tools",
	"i2cget": "i2c-tools", "i2cset": "i2c-tools", "ip6tables": "iptables", "mosquitto_pub": "mosquitto-clients", "mosquitto_sub": "mosquitto-clients", "named": "bind9",
	"nft": "nftables", "nginx": "nginx-light", "nmbd": "samba", "node": "nodejs", "perl": "perl-base", "pppd": "ppp", "python3": "python3-minimal", "smbd": "samba",
	"sshd": "openssh-server", "tc": "iproute2", "wg": "wireguard-tools", "wpa_supplicant": "wpasupplicant",
}

// packageOf is the package that most likely has a program; "" if none is known.
func (p *present) packageOf(name string) string {
	if owner := owners[name]; owner != "" {
		return owner
	}
	if p.lists(name) {
		return name
	}
	return ""
}
