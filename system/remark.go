package system

import (
	"fmt"

	"bantam/system/syntax"
)

// Remarks are what a valid file leaves more open than most people want. They
// are no faults: nothing is refused for them. For a file with faults there are none.
func Remarks(file string, src []byte) []Problem {
	s, problems := Parse(file, src)
	if len(problems) > 0 {
		return nil
	}
	t := syntax.NewText(src)
	root, _ := syntax.Scan(t)
	var remarks []Problem
	if len(root.Keys()) == 0 {
		remarks = append(remarks, Problem{file, 1, 1, "remark: the file says nothing: that is a machine with DHCP on every port, a console, and no service",
			"if that is not meant, look whether the file was written to its end"})
	}
	metrics, moved := Metrics(sortedKeys(s.Net), s.Net)
	for _, name := range moved {
		pos := t.Position(root.Get("net", name).Key)
		remarks = append(remarks, Problem{file, pos.Line, pos.Col,
			fmt.Sprintf("remark: %s has metric %d, as another port has the %d of its name", syntax.Join("net", name), metrics[name], defaultMetric(name)),
			fmt.Sprintf("write metric = %d, so that it stays whatever ports come and go", metrics[name])})
	}
	for _, name := range root.Get("net").Keys() {
		for _, r := range wireGuardRemarks(s.Net, name) {
			pos := t.Position(root.Get("net", name, "wireguard").At)
			remarks = append(remarks, Problem{file, pos.Line, pos.Col, "remark: " + syntax.Join("net", name) + ".wireguard: " + r.text, r.suggestion})
		}
		if net := s.Net[name]; net.Wifi != nil {
			pos := t.Position(root.Get("net", name, "wifi").At)
			for _, r := range wifiRemarks(net) {
				remarks = append(remarks, Problem{file, pos.Line, pos.Col, "remark: " + syntax.Join("net", name) + ".wifi: " + r.text, r.suggestion})
			}
		}
		if net := s.Net[name]; net.Serve.DHCP != "" {
			pos := t.Position(root.Get("net", name, "serve", "dhcp").At)
			for _, r := range s.serveRemarks(&net) {
				remarks = append(remarks, Problem{file, pos.Line, pos.Col, "remark: " + syntax.Join("net", name) + ".serve.dhcp " + r[0], r[1]})
			}
		}
	}
	for _, r := range s.networkRemarks() {
		pos := t.Position(root.Get(r.table, r.name).Key)
		remarks = append(remarks, Problem{file, pos.Line, pos.Col, "remark: " + syntax.Join(r.table, r.name) + " " + r.text, r.suggestion})
	}
	if n := root.Get("ssh"); n != nil && len(s.LogIns()) == 0 {
		pos := t.Position(n.Key)
		remarks = append(remarks, Problem{file, pos.Line, pos.Col, "remark: nobody has authorized_keys, so nobody can log in over the network, and nothing listens",
			`add authorized_keys = ["ssh-ed25519 ..."], the line of a .pub file, to a [user.NAME]`})
	}
	for _, name := range root.Get("service").Keys() {
		n := root.Get("service", name)
		if n.Get("user") != nil || n.Get("capabilities") != nil {
			continue
		}
		pos := t.Position(n.Key)
		remarks = append(remarks, Problem{file, pos.Line, pos.Col,
			"remark: " + syntax.Join("service", name) + " has no user: it runs as root with all rights",
			`write user = "nobody" or the name of a [user.NAME], or user = "root" if that is meant`})
	}
	for _, name := range root.Get("file").Keys() {
		if service := s.unaware(name); service != "" {
			pos := t.Position(root.Get("file", name, "owner").At)
			remarks = append(remarks, Problem{file, pos.Line, pos.Col,
				fmt.Sprintf("remark: %s belongs to the user of %s, which goes on with the old one when it changes", syntax.Join("file", name), syntax.Join("service", service)),
				fmt.Sprintf("write restarts = [%q], or reloads, if it reads the file only at its start", service)})
		}
		f := s.Files[name]
		if f.Text.Secret == "" || f.Perm()&0o004 == 0 {
			continue
		}
		pos := t.Position(root.Get("file", name, "mode").At)
		remarks = append(remarks, Problem{file, pos.Line, pos.Col,
			fmt.Sprintf("remark: %s has a secret in it, and with mode %s everybody reads it", syntax.Join("file", name), f.Mode),
			`write mode = "0600" and the owner who needs it, or "0640" for its group`})
	}
	return remarks
}

// unaware is a service that seems to read a file, as its user has it to himself, and is not told when it changes; "" if there is none.
func (s *System) unaware(name string) string {
	f := s.Files[name]
	if f.Source != "" || f.Owner == "" || f.Owner == "root" || len(f.Restarts)+len(f.Reloads) > 0 {
		return "" // a source may be what it serves
	}
	reads := ""
	for _, service := range sortedKeys(s.Services) {
		if NamedBy(s.Services[service], name) {
			return ""
		}
		if reads == "" && s.Services[service].User == f.Owner {
			reads = service
		}
	}
	return reads
}
