package pppoe

import (
	"errors"
	"fmt"
	"net/netip"

	"bantam/netcfg/session"
)

// FromScript is what pppd tells its ip-up script: link, device, speed, local and remote address, and ipparam as
// arguments, and name servers as variables of the environment. What makes no sense of a name server is left out; the
// provider has sent it.
func FromScript(args []string, env func(string) string) (f session.Fact, channel string, err error) {
	if len(args) != 6 {
		return f, "", errors.New("this is what pppd starts once a session stands: LINK DEVICE SPEED LOCAL REMOTE CHANNEL")
	}
	for i, into := range []*netip.Addr{&f.Local, &f.Remote} {
		if *into, err = netip.ParseAddr(args[3+i]); err != nil || !into.Is4() || into.IsUnspecified() || into.IsMulticast() || into.IsLoopback() {
			return f, "", fmt.Errorf("%q is no address that a session can have", args[3+i])
		}
	}
	for _, name := range []string{"DNS1", "DNS2"} {
		if a, err := netip.ParseAddr(env(name)); err == nil && a.Is4() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && len(f.DNS) < 2 && (len(f.DNS) == 0 || f.DNS[0] != a) {
			f.DNS = append(f.DNS, a)
		}
	}
	return f, args[5], nil
}
