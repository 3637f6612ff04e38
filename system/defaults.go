package system

import (
	"reflect"

	"bantam/lifecycle"
)

// Default is the machine that an empty file describes.
func Default() *System {
	s := &System{Time: Time{DHCP: true}}
	s.applyDefaults()
	return s
}

// applyDefaults fills in what the file leaves out. Zero values are not valid
// where a default exists, so zero means left out.
func (s *System) applyDefaults() {
	for name, n := range s.Net {
		n.applyDefaults()
		s.Net[name] = n
	}
	for name, u := range s.Users {
		gid := u.UID
		if g, own := s.groupID(name); own {
			gid = g
		}
		u.applyDefaults(name, gid)
		s.Users[name] = u
	}
	for path, f := range s.Files {
		f.applyDefaults()
		s.Files[path] = f
	}
	for name, v := range s.Services {
		v.applyDefaults()
		s.Services[name] = v
	}
	for name, c := range s.Checks {
		fromTags(reflect.ValueOf(&c).Elem())
		s.Checks[name] = c
	}
	fromTags(reflect.ValueOf(&s.Firewall).Elem())
	for i := range s.Firewall.Rules {
		if s.Firewall.Rules[i].Action == "" {
			s.Firewall.Rules[i].Action = "accept"
		}
	}
	if s.SSH.Port == 0 {
		s.SSH.Port = defaultPort
	}
	fromTags(reflect.ValueOf(s).Elem())
	fromTags(reflect.ValueOf(&s.Proof).Elem())
	fromTags(reflect.ValueOf(&s.Console).Elem())
	fromTags(reflect.ValueOf(&s.Time).Elem())
	fromTags(reflect.ValueOf(&s.DNS).Elem())
}

func (n *Net) applyDefaults() {
	if n.Wifi != nil {
		n.Wifi.applyDefaults()
	}
	if n.IPv4 == "" {
		n.IPv4 = "dhcp"
		switch n.Kind() {
		case "dummy", "vrf", "tunnel", "wireguard":
			n.IPv4 = "off"
		case "pppoe": // that of the session
			n.IPv4 = "static"
		}
		if n.IsAP() {
			n.IPv4 = "off"
		}
		for _, a := range n.Addresses {
			if isIPv4(a) {
				n.IPv4 = "static"
			}
		}
	}
	if n.IPv6 == "" {
		n.IPv6 = "auto"
		switch n.Kind() {
		case "dummy", "vrf", "tunnel", "wireguard": // nobody advertises there
			n.IPv6 = "static"
		}
		if n.Serve.RA || n.Inner() || n.IsAP() {
			n.IPv6 = "static"
		}
	}
	if n.Serve.Lease == 0 {
		n.Serve.Lease = defaultLease
	}
	fromTags(reflect.ValueOf(n).Elem())
	for _, v := range []any{n.Bridge, n.Bond, n.Macvlan, n.WireGuard} {
		if table := reflect.ValueOf(v); !table.IsNil() {
			fromTags(table.Elem())
		}
	}
	if n.VXLAN != nil && n.VXLAN.Port == 0 {
		n.VXLAN.Port = VXLANPort
	}
}

// RootShell is root's unless a system says otherwise.
const RootShell = "/bin/sh"

// applyDefaults fills in what is not said of the user of that name; gid is that of the group that it has then.
func (u *User) applyDefaults(name string, gid int) {
	if u.GID == 0 && name != "root" {
		u.GID = gid
	}
	home, shell := "/var/empty", "/bin/false"
	if u.LogsIn() || u.HomeIn == HomeInState {
		home = "/home/" + name
	}
	if u.LogsIn() {
		shell = "/bin/sh"
	}
	if name == "root" {
		home, shell = "/root", RootShell
	}
	if u.Home == "" {
		u.Home = home
	}
	if u.Shell == "" {
		u.Shell = shell
	}
	if u.HomeIn == "" {
		u.HomeIn = HomeInMemory
	}
}

func (f *File) applyDefaults() {
	if f.Mode == "" {
		f.Mode = "0644"
		if f.Text.Secret != "" {
			f.Mode = "0600"
		}
	}
	fromTags(reflect.ValueOf(f).Elem())
}

func (v *Service) applyDefaults() {
	if v.Restart == "" {
		v.Restart = lifecycle.RestartAlways
		if v.Ready == "exited" {
			v.Restart = "never"
		}
	}
	fromTags(reflect.ValueOf(v).Elem())
}

// fromTags sets strings and durations that are zero to their default tag.
// Defaults that depend on other keys have been set before.
func fromTags(v reflect.Value) {
	for i := range v.NumField() {
		f, text := v.Field(i), v.Type().Field(i).Tag.Get("default")
		if text == "" || !f.IsZero() {
			continue
		}
		if d, ok := f.Addr().Interface().(*Duration); ok {
			d.UnmarshalText([]byte(text))
		} else if f.Kind() == reflect.String {
			f.SetString(text)
		}
	}
}
