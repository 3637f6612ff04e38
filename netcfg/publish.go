package netcfg

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bantam/boottime"
)

// reportTime is how long either end of the line of reports waits for the other.
const reportTime = 5 * time.Second

// publish reports how things are, and says once that we are online.
func (d *daemon) publish(desired DesiredState, have State) {
	reasons, reasons6 := map[string]string{}, map[string]string{}
	for _, p := range desired.Ports {
		if c := d.clients[p.Name]; c != nil {
			reasons[p.Name] = c.client.Reason()
		} else if p.Net.IPv4 == "dhcp" {
			reasons[p.Name] = "DHCP: not started"
		}
		if c := d.dhcp6[p.Name]; c != nil {
			reasons6[p.Name] = c.client.Reason()
		} else if p.Net.IPv6 == "dhcp" {
			reasons6[p.Name] = "DHCPv6: not started"
		}
	}
	booted := bootedAt()
	wall := func(at time.Duration) time.Time { return booted.Add(at).Round(time.Second) }
	status := report(desired, have, reasons, reasons6, wall)
	for i, p := range status.Ports {
		if w := d.net[p.Name].WireGuard; w != nil {
			status.Ports[i].WireGuard.explain(w.Peers, d.names.resolver.Fault)
		}
		if c := d.clients[p.Name]; c != nil {
			status.Ports[i].DHCP = c.status()
			d.had.note(p.Name, c.wire.mac, c.client.Known())
		}
		if c := d.dhcp6[p.Name]; c != nil {
			status.Ports[i].DHCP6, status.Ports[i].Prefixes = c.status(), c.prefixes(wall)
			if leased := leasedBy(c.client.Lease()); len(leased) > 0 || c.leaving {
				d.had.note6(p.Name, c.mac, leased)
			}
		}
	}
	if have.Unshown {
		status.Problems = append(status.Problems, "other programs have more routes than are shown here")
	}
	status.Remember = d.had.report(&d.remembers, status.Online)
	status.Needs = d.secrets.ask(boottime.Now())
	status.Zones = d.wall.status()
	status.Forwards = d.forwards
	if d.secrets.current() {
		d.inForce = d.hash
	}
	status.Config, status.BootedAt = d.inForce, booted.Round(time.Second)
	text, err := status.encode()
	if err == nil {
		err = d.report(text)
	}
	if err != nil {
		d.logf("%v", err)
		d.dirty, d.retryAt = false, min(d.retryAt, boottime.Now()+firstRetry)
		return
	}
	if status.Online && !d.ready {
		d.ready = true
		if d.options.notify >= 0 {
			unix.Write(d.options.notify, []byte{'\n'})
			unix.Close(d.options.notify)
		}
		d.restAt = boottime.Now() + restAfter
	}
}

// encode is the report as one line. There may be more routes on our ports than there is room for; of a port those of other programs are
// left out first, then the last ones of ours.
func (s *Status) encode() ([]byte, error) {
	most := 0
	for _, p := range s.Ports {
		most = max(most, len(p.Routes))
	}
	shown := *s
	if all, ours := s.about(); all >= maxReport { // which is not tried first
		if ours >= maxReport*3/4 {
			most = most * maxReport / (ours + maxReport/8)
		}
		shown = s.short(most)
	}
	text, err := json.Marshal(shown)
	for err == nil && len(text) >= maxReport {
		if most == 0 {
			return nil, fmt.Errorf("report: %d bytes, of which only %d can be sent", len(text), maxReport)
		}
		most /= 2
		text, err = json.Marshal(s.short(most))
	}
	return append(text, '\n'), err
}

// about is how many bytes a report is, more or less, and how many without the routes of other programs.
func (s *Status) about() (all, ours int) {
	for _, p := range s.Ports {
		all += 300 + 60*len(p.Addresses)
		ours += 300 + 60*len(p.Addresses)
		for _, r := range p.Routes {
			n := 55 + len(r.To) + len(r.Via) + len(r.Source)
			if all += n; r.Source != unknownSource {
				ours += n
			}
		}
	}
	return all, ours
}

// short is a status with at most so many routes for each port, none of which is another program's but its default routes.
func (s Status) short(most int) Status {
	left := 0
	ports := s.Ports
	s.Ports = nil
	for _, p := range ports {
		var routes []RouteStatus
		for _, r := range p.Routes {
			if (r.Source != unknownSource || r.To == "default") && len(routes) < most {
				routes = append(routes, r)
			}
		}
		left += len(p.Routes) - len(routes)
		p.Routes = routes
		s.Ports = append(s.Ports, p)
	}
	s.Problems = append(s.Problems[:len(s.Problems):len(s.Problems)], fmt.Sprintf("%d routes are not shown, as there are too many", left))
	return s
}

// reporter is our end of the line of reports.
type reporter struct {
	path string // of a Unix socket, where package netcfg's Reports is at the other end
	fd   int    // -1: not connected
	sent []byte

	in    []byte   // heard, and not yet a line
	seen  bool     // the report that was sent last
	asked []string // requests that nobody has taken yet
}

// send sends a report, unless it is the one that was sent last, and returns
// when it can be seen by everybody.
func (r *reporter) send(text []byte) error {
	if r.fd >= 0 && bytes.Equal(text, r.sent) {
		return nil
	}
	err := r.say(text)
	if err != nil && r.fd >= 0 {
		r.close()
	}
	if err != nil {
		return fmt.Errorf("report to %s: %w", r.path, err)
	}
	r.sent = text
	return nil
}

func (r *reporter) say(text []byte) (err error) {
	if r.fd < 0 {
		if r.fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		limit := unix.NsecToTimeval(reportTime.Nanoseconds())
		for _, option := range []int{unix.SO_SNDTIMEO, unix.SO_RCVTIMEO} {
			if err := unix.SetsockoptTimeval(r.fd, unix.SOL_SOCKET, option, &limit); err != nil {
				return err
			}
		}
		if err := unix.Connect(r.fd, &unix.SockaddrUnix{Name: r.path}); err != nil {
			return err
		}
	}
	for len(text) > 0 {
		n, err := unix.SendmsgN(r.fd, text, nil, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		text = text[n:]
	}
	for r.seen = false; !r.seen; {
		if err := r.hear(0); err != nil && err != unix.EINTR {
			return err
		}
	}
	return nil
}

func (r *reporter) close() {
	unix.Close(r.fd)
	r.fd, r.in = -1, nil
}

// hear takes what the other end says: an empty line for a report that has been
// seen, anything else is a request.
func (r *reporter) hear(flags int) error {
	var b [512]byte
	n, _, err := unix.Recvfrom(r.fd, b[:], flags)
	switch {
	case err != nil:
		return err
	case n == 0 || len(r.in) > maxRequest:
		return unix.ECONNRESET
	}
	lines := bytes.Split(append(r.in, b[:n]...), []byte{'\n'})
	r.in = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		if len(line) == 0 {
			r.seen = true
		} else if len(r.asked) < maxRequests {
			r.asked = append(r.asked, string(line))
		}
	}
	return nil
}

// Bounds of what waits to be done for the other end, which is trusted but may be wrong.
const (
	maxRequest  = 4 << 10
	maxRequests = 256
)

// answer does what the other end asks for. It never waits.
func (d *daemon) answer(heard bool) {
	r := d.reporter
	if heard && r.fd >= 0 {
		if err := r.hear(unix.MSG_DONTWAIT); err != nil && err != unix.EAGAIN && err != unix.EINTR {
			r.close() // the next report connects again
		}
	}
	for _, request := range r.asked {
		if port, ok := strings.CutPrefix(request, renewRequest); ok {
			d.renew(port)
		}
		if told, ok := strings.CutPrefix(request, secretTold); ok {
			d.dirty = d.secrets.take(told, boottime.Now()) || d.dirty
		}
	}
	r.asked = nil
}

// renew asks the DHCP server and the routers of a port anew.
func (d *daemon) renew(port string) {
	now := boottime.Now()
	if c := d.clients[port]; c != nil {
		d.logf("%s: the lease is asked for anew", port)
		d.note(c.renew(), now)
	}
	if c := d.dhcp6[port]; c != nil {
		d.note(c.renew(), now)
	}
	if s := d.solicitors[port]; s != nil {
		d.note(s.renew(), now)
	}
}
