package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"text/tabwriter"
	"time"

	"bantam/netcfg/dnsforward"
	"bantam/netcfg/netserve"
)

// dnsPath is where the forwarder tells how it is; tests have another.
var dnsPath = netserve.DNSPath

const (
	dnsTime   = 5 * time.Second
	maxStatus = 1 << 20 // bytes
)

func runDNS(c *client, args []string) int {
	flags, rest, code := c.options(args, "", "--json")
	if code != 0 {
		return code
	}
	if len(rest) > 0 {
		return c.misuse("%q is too much", rest[0])
	}
	s, err := dnsStatus()
	if err != nil {
		return c.fail(err)
	}
	if flags["--json"] != "" {
		return c.printJSON(s)
	}
	writeDNS(c.out, s)
	return ExitGood
}

// dnsStatus asks the process itself. Whoever took it over may answer anything, without end.
func dnsStatus() (s dnsforward.Status, err error) {
	conn, err := net.DialTimeout("unix", dnsPath, dnsTime)
	if err != nil {
		return s, errors.New("no DNS forwarder runs here: it does where a [net] has serve = { dns = true }, or [dns] more than resolv.conf can say; `bantam log netserve` may tell why not")
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(dnsTime))
	text, err := io.ReadAll(io.LimitReader(conn, maxStatus))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, fmt.Errorf("the DNS forwarder does not tell how it is: %w", err)
	}
	return s, nil
}

func writeDNS(w io.Writer, s dnsforward.Status) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "FOR\tSERVER\tSTATE\tASKED\tANSWERED\tTOOK\t")
	for _, server := range s.Servers {
		zone, took := "all", "-"
		if server.Zone != "" {
			zone = server.Zone
		}
		if server.Took > 0 {
			took = server.Took.Round(100 * time.Microsecond).String()
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%s\t%s\n", visible(zone), visible(server.Server), visible(server.State), server.Asked, server.Answered, took, visible(server.Why))
	}
	t.Flush()
	if len(s.Servers) == 0 {
		fmt.Fprintln(w, "no server is known: none is written in [dns], and the network has announced none")
	}
	n := s.Counts
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-12s%s\n", name, visible(fmt.Sprintf(format, args...)))
	}
	row("serves", "%s; %d names in %s", strings.Join(s.Nets, " "), s.Hosts, s.Domain)
	row("cache", "%d answers of at most %d, %d kB of at most %d", s.Cache.Entries, s.Cache.MaxEntries, s.Cache.Bytes>>10, s.Cache.MaxBytes>>10)
	row("questions", "%d: %d forwarded, %d from the cache, %d known here, %d merged", n.Questions, n.Forwarded, n.Cached, n.Local, n.Merged)
	for _, odd := range []struct {
		count int
		what  string
	}{
		{n.Unanswered, "answered by no server"}, {n.Refused, "refused: of who is not served, or for what is not given"}, {n.Malformed, "malformed"},
		{n.Overload, "too many at one time"}, {n.Rebind, "answered with a private address for a public name"},
		{n.Unwanted, "answers to what was not asked"}, {n.BadAnswers, "answers malformed"}, {s.Waiting, "wait for an answer"},
	} {
		if odd.count > 0 {
			row("", "%d %s", odd.count, odd.what)
		}
	}
}
