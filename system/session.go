package system

import "strings"

// Session is what a program of others keeps up for a port, as a service of its own.
type Session struct {
	Port string // e.g. wan
	Kind string // that of its table, e.g. pppoe
}

// Service is the name of the service that keeps it, e.g. pppoe-wan.
func (s Session) Service() string { return s.Kind + "-" + s.Port }

// sessionKinds are the kinds of links that need one.
var sessionKinds = []string{"pppoe", "wifi"}

// IsSession tells whether a service of that name keeps a session.
func IsSession(service string) bool {
	for _, kind := range sessionKinds {
		if strings.HasPrefix(service, kind+"-") {
			return true
		}
	}
	return false
}

// Sessions are those that a system needs, by port.
func (s *System) Sessions() (list []Session) {
	for _, name := range sortedKeys(s.Net) {
		switch n := s.Net[name]; {
		case n.PPPoE != nil:
			list = append(list, Session{name, "pppoe"})
		case n.Wifi != nil && n.Wifi.Radio == "": // one for all networks of the radio
			list = append(list, Session{name, "wifi"})
		}
	}
	return list
}
