package system

import (
	"strings"

	"bantam/system/syntax"
)

func (r *reader) checkConsoles() {
	for name := range r.system.Console.Named {
		n, at := r.root.Get("console", name), syntax.Join("console", name)
		switch terminal := strings.TrimPrefix(name, "/dev/"); {
		case !nameable(name) && nameable(terminal):
			r.failKey(n, "write ["+syntax.Join("console", terminal)+"]", "%s: the name of a terminal has no /dev before it", at)
		case !nameable(name):
			r.failKey(n, "write the name of a terminal, e.g. [console.ttyS0]", "%s: %q is not the name of a terminal", at, name)
		case n.Get("login") == nil && !onlyDotted(n) && !n.Bad:
			r.failAt(n, n.Key, `add e.g. login = "none"`, "%s: login is missing", at)
		}
	}
	asks, where := r.system.Console.Login == LoginPassword, r.root.Get("console", "login")
	for _, name := range sortedKeys(r.system.Console.Named) {
		if r.system.Console.Named[name].Login == LoginPassword && !asks {
			asks, where = true, r.root.Get("console", name, "login")
		}
	}
	if !asks || !ok(where) {
		return
	}
	for name, u := range r.system.Users {
		if n := r.root.Get("user", name, "password"); u.Password != "" || n != nil && n.Bad {
			return
		}
	}
	r.fail(where, "give a user one, with what bantam password prints", "console: nobody has a password, so nobody could log in")
}
