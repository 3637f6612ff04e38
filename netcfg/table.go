package netcfg

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Table writes the status for people, as bantam net shows it.
func (s Status) Table(w io.Writer) error { return s.table(w, time.Now()) }

// table gives times as what is left of them at now.
func (s Status) table(w io.Writer, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "PORT\tSTATE\tWHAT\tBECAUSE\n")
	for _, p := range s.Ports {
		state := "up"
		if !p.Up {
			state = "waiting"
		}
		because := p.Waiting
		if because == "" {
			because = "named in system.toml"
			if !p.Explicit {
				because = "system.toml names no port"
			}
		}
		what := p.Kind
		if strings.Trim(p.MAC, "0:") != "" { // else it is of a sort that has none
			what += " " + p.MAC
		}
		for _, w := range [][2]string{{"on", p.On}, {"in", p.Master}, {"was", p.Former}} {
			if w[1] != "" {
				what += " " + w[0] + " " + w[1]
			}
		}
		if p.Optional {
			what = strings.TrimSpace(what + " optional")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", p.Name, state, orDash(what), because)
		for _, text := range p.DHCP.lines() {
			fmt.Fprintf(t, "\t\tdhcp\t%s\n", text)
		}
		for _, text := range p.DHCP6.lines() {
			fmt.Fprintf(t, "\t\tdhcp6\t%s\n", text)
		}
		for _, line := range p.WireGuard.lines(now) {
			fmt.Fprintf(t, "\t\t%s\t%s\n", line[0], line[1])
		}
		if p.Shape != "" {
			fmt.Fprintf(t, "\t\tlimits\t%s\n", p.Shape)
		}
		for _, a := range p.Prefixes {
			fmt.Fprintf(t, "\t\tprefix %s\t%s%s\n", a.Prefix, a.Source, left(a.Until, now))
		}
		for _, a := range p.Addresses {
			source := a.Source
			if a.Duplicate {
				source += ": not used, another machine has it"
			}
			if a.Deprecated {
				source += ": no longer for new connections"
			}
			fmt.Fprintf(t, "\t\t%s\t%s%s\n", a.Prefix, source, left(a.Until, now))
		}
		writeRoutes(t, "\t", p.Routes)
	}
	s.writeRest(t, "\t")
	if err := t.Flush(); err != nil {
		return err
	}
	online := "no"
	if s.Online {
		online = "yes"
	}
	servers := orDash(strings.Join(s.DNS, " "))
	if s.Forwards {
		servers = "this machine's own, see bantam net dns"
	}
	lines := []string{"online: " + online, "name servers: " + servers}
	if len(s.Search) > 0 {
		lines = append(lines, "search: "+strings.Join(s.Search, " "))
	}
	if len(s.NTP) > 0 {
		lines = append(lines, "time servers: "+strings.Join(s.NTP, " "))
	}
	if len(s.Zones) > 0 {
		var zones []string
		for _, z := range s.Zones {
			zones = append(zones, z.Name+": "+strings.Join(z.Ports, " "))
		}
		lines = append(lines, "firewall: "+strings.Join(zones, "; "))
	}
	for _, p := range s.Problems {
		lines = append(lines, "problem: "+p)
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// Routing prints the routes and rules alone.
func (s Status) Routing(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "PORT\tROUTE\tBECAUSE\n")
	for _, p := range s.Ports {
		writeRoutes(t, p.Name, p.Routes)
	}
	s.writeRest(t, "")
	return t.Flush()
}

func writeRoutes(t io.Writer, of string, routes []RouteStatus) {
	for _, r := range routes {
		fmt.Fprintf(t, "%s\t%s\t%s\n", of, r, r.Source)
	}
}

// writeRest prints what leads nowhere, and the rules; state is an empty column, if there is one.
func (s Status) writeRest(t io.Writer, state string) {
	writeRoutes(t, "-"+state, s.Routes)
	for _, r := range s.Rules {
		fmt.Fprintf(t, "rule%s\t%s\t%s\n", state, r.Rule, r.Source)
	}
}

// String is how a person reads a route, e.g. default via 10.0.0.1 metric 100.
func (r RouteStatus) String() string {
	text := strings.TrimSpace(r.Type + " " + r.To)
	if r.IPv6 {
		text += " (IPv6)" // as rules say it
	}
	if r.Via != "" {
		text += " via " + r.Via
	}
	text += fmt.Sprintf(" metric %d", r.Metric)
	if r.Table != 0 {
		text += fmt.Sprintf(" table %d", r.Table)
	}
	return text
}

// lines tell what is out of the ordinary.
func (s *DHCPStatus) lines() (lines []string) {
	if s == nil {
		return nil
	}
	if s.Doubt != "" {
		lines = append(lines, s.Doubt)
	}
	var counts []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{s.Refused, "answers refused"}, {s.Ignored, "packets ignored"}, {s.Damaged, "packets damaged"},
		{s.Lost, "packets lost"}, {s.Unused, "options of the lease not used"},
	} {
		if c.n > 0 {
			counts = append(counts, fmt.Sprintf("%s: %d", c.what, c.n))
		}
	}
	if len(counts) > 0 {
		lines = append(lines, strings.Join(counts, ", "))
	}
	if s.Refusal != "" {
		lines = append(lines, "last: "+s.Refusal)
	}
	return lines
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func left(until, now time.Time) string {
	if until.IsZero() {
		return ""
	}
	return ", " + until.Sub(now).Round(time.Second).String() + " left"
}
