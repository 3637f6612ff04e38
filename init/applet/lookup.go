package applet

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"time"
)

// lookupReason says in one clause why a name has no address.
func lookupReason(err error) string {
	var dns *net.DNSError
	var address *net.AddrError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such name"
	case errors.As(err, &dns) && dns.IsTimeout:
		return "no name server answered (see /etc/resolv.conf)"
	case errors.As(err, &dns):
		return dns.Err
	case errors.As(err, &address):
		return address.Err
	}
	return reason(err)
}

func nslookup(c *call, args []string) int {
	if len(args) < 1 || len(args) > 2 {
		return c.misuse("needs a name or address, and perhaps a server")
	}
	resolver := &net.Resolver{PreferGo: true}
	server := ""
	if len(args) == 2 {
		server = args[1]
		if _, _, err := net.SplitHostPort(server); err != nil {
			server = net.JoinHostPort(server, "53")
		}
		resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, server)
		}
	} else if text, err := os.ReadFile("/etc/resolv.conf"); err == nil {
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "nameserver" {
				server = net.JoinHostPort(fields[1], "53")
				break
			}
		}
	}
	if server != "" {
		c.printf("Server:  %s\n\n", server)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	if net.ParseIP(args[0]) != nil {
		names, err := resolver.LookupAddr(ctx, args[0])
		if err != nil {
			c.warn("%s: %s", args[0], lookupReason(err))
			return 1
		}
		for _, name := range names {
			c.printf("%s name = %s\n", args[0], strings.TrimSuffix(name, "."))
		}
		return 0
	}
	addresses, err := resolver.LookupIPAddr(ctx, args[0])
	if err != nil {
		c.warn("%s: %s", args[0], lookupReason(err))
		return 1
	}
	for _, address := range addresses {
		c.printf("Name:    %s\nAddress: %s\n", args[0], address.String())
	}
	return 0
}
