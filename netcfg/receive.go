package netcfg

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxReport bounds one report: decoded, the worst of that size takes some 20 MB.
const maxReport = 256 << 10

// In the long run reports are reportPause apart, so that a configurator that has gone mad takes no time of its
// receiver. After some quiet reportBurst of them are taken at once: a port comes up in three, and whoever sends one
// waits for its answer, also while a DHCP server's lies in its socket.
const (
	reportPause = 20 * time.Millisecond
	reportBurst = 8
)

// Reports is where the configurator says how things are: a socket that only it
// can connect to. The receiver, PID 1, trusts it with nothing but the network.
// It opens no file that the configurator could have put in its way.
type Reports struct {
	Dir     string      // where status.json and resolv.conf are written; nobody else's folder
	Changed func()      // called after each report
	Fault   func(error) // told what is wrong with a report

	// Remember is given what the configurator wants to find after a reboot, each
	// time that it is another; nil: nobody keeps it. It must not wait.
	Remember func(text string)

	// Secret is the value of a secret that the configurator asks for; set is false where nobody has set it, and known
	// where there is nothing to be told of it. nil: there are none.
	Secret func(name string) (value []byte, set, known bool)

	mu   sync.Mutex
	conn *net.UnixConn // of the process that reports; nil: it has left
	text []byte        // its newest report
	due  time.Time     // when the next report would come if all were reportPause apart

	remembered string
}

// Serve takes reports until l is closed. guard runs a function so that a panic
// in it ends nothing else. Of two that connect the newer is the one that runs.
func (r *Reports) Serve(l *net.UnixListener, guard func(name string, f func())) {
	for {
		c, err := l.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			r.take(c)
			go guard("network status", func() {
				defer r.leave(c)
				if err := r.read(c); err != nil {
					r.Fault(err)
				}
			})
		}
		time.Sleep(reportPause) // also where there are no descriptors: it passes
	}
}

func (r *Reports) take(c *net.UnixConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != nil {
		r.conn.Close()
	}
	r.conn = c
}

func (r *Reports) leave(c *net.UnixConn) {
	c.Close()
	r.mu.Lock()
	ours := r.conn == c
	if ours {
		r.conn = nil
	}
	r.mu.Unlock()
	if ours {
		r.Changed()
	}
}

// read takes lines of JSON and answers each with an empty line once what it
// says can be seen by everybody.
func (r *Reports) read(c *net.UnixConn) error {
	lines := bufio.NewScanner(c)
	lines.Buffer(nil, maxReport)
	for lines.Scan() {
		needs, err := r.note(c, lines.Bytes())
		if err != nil {
			return err
		}
		answer := append(r.tell(needs), '\n')
		c.SetWriteDeadline(time.Now().Add(reportTime))
		_, err = c.Write(answer)
		clear(answer)
		if err != nil {
			return nil // it has left
		}
		time.Sleep(r.pause(time.Now()))
	}
	if err := lines.Err(); err == bufio.ErrTooLong {
		return fmt.Errorf("network status: more than %d bytes", maxReport)
	}
	return nil
}

// pause is how long the next report has to wait, one having been taken at now.
func (r *Reports) pause(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.due.Before(now) {
		r.due = now
	}
	r.due = r.due.Add(reportPause)
	return r.due.Sub(now) - reportBurst*reportPause
}

// note takes a report, and returns the secrets that it asks for.
func (r *Reports) note(from *net.UnixConn, text []byte) (needs []string, err error) {
	var s Status
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("network status: %w", err)
	}
	s.clean()
	remember := s.Remember
	needs, s.Remember, s.Needs = s.Needs, "", nil
	if len(remember) > MaxRemembered {
		return nil, fmt.Errorf("network status: %d bytes to be remembered, %d are allowed", len(remember), MaxRemembered)
	}
	text, err = json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("network status: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != from {
		return nil, nil // of a process that is no longer the one
	}
	// The status comes last: who reads in it that we are online finds resolv.conf in place.
	if err := writeFile(filepath.Join(r.Dir, "resolv.conf"), []byte(s.resolvConf())); err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(r.Dir, "status.json"), append(text, '\n')); err != nil {
		return nil, err
	}
	r.text = text
	r.Changed()
	return needs, r.remember(remember)
}

// remember passes on what a report wants to be remembered, and lays it where the
// next configurator looks: as it was, it may have been refused since.
func (r *Reports) remember(text string) error {
	if text == "" || text == r.remembered {
		return nil
	}
	if err := r.Recall(text); err != nil {
		return err
	}
	r.remembered = text
	if r.Remember != nil {
		r.Remember(text)
	}
	return nil
}

// Recall lays what was remembered where the configurator looks when it starts.
func (r *Reports) Recall(text string) error {
	return writeFile(filepath.Join(r.Dir, rememberedFile), []byte(text))
}

// Renew lets the configurator ask the DHCP server and the routers of a port anew, and says for people whom.
func (r *Reports) Renew(port string) (whom string, err error) {
	s, runs, err := r.Status()
	if err != nil {
		return "", err
	}
	if !runs {
		return "", errors.New("the network configurator does not run; `bantam service start network` starts it")
	}
	var names []string
	for _, p := range s.Ports {
		names = append(names, p.Name)
		switch {
		case p.Name != port:
		case p.DHCP == nil && p.MAC == "":
			return "", fmt.Errorf("%s is not there: %s", port, p.Waiting)
		case !p.Carrier:
			return "", fmt.Errorf("%s: no carrier; it asks by itself when there is one", port)
		case p.DHCP == nil && p.DHCP6 == nil:
			return "IPv6 routers (it does not use DHCP)", r.ask(renewRequest + port)
		default:
			return "its DHCP server and IPv6 routers", r.ask(renewRequest + port)
		}
	}
	return "", fmt.Errorf("%q is no port that is looked after, as these are: %s", port, strings.Join(names, " "))
}

// ask says a line to the configurator beside the answers to its reports.
func (r *Reports) ask(line string) error {
	r.mu.Lock()
	conn := r.conn
	r.mu.Unlock()
	if conn == nil {
		return net.ErrClosed
	}
	conn.SetWriteDeadline(time.Now().Add(reportTime))
	_, err := conn.Write([]byte(line + "\n"))
	return err
}

// renewRequest begins the line that asks for a port's lease anew.
const renewRequest = "renew "

// Status is the newest report, and whether the process that made it still runs;
// it fails when there was none. The ends of addresses, which follow the time
// since boot, are told by the present time of day: a machine without a clock
// learns that later.
func (r *Reports) Status() (s Status, runs bool, err error) {
	r.mu.Lock()
	text, runs := r.text, r.conn != nil
	r.mu.Unlock()
	if text == nil {
		return s, false, fmt.Errorf("the network configurator has not said anything yet")
	}
	s, err = decodeStatus(text)
	return s, runs, err
}

// clean takes out of a report what could be more than text for a terminal or
// for resolv.conf.
func (s *Status) clean() {
	s.DNS = slices.DeleteFunc(s.DNS, func(text string) bool {
		a, err := netip.ParseAddr(text)
		return err != nil || strings.ContainsFunc(a.Zone(), func(r rune) bool { return r <= ' ' })
	})
	s.Search = slices.DeleteFunc(s.Search, func(text string) bool {
		return text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' })
	})
	texts := []*string{&s.Config}
	for i := range s.Routes {
		texts = append(texts, s.Routes[i].texts()...)
	}
	for i := range s.Rules {
		texts = append(texts, &s.Rules[i].Rule, &s.Rules[i].Source)
	}
	for _, list := range [][]string{s.DNS, s.Search, s.Problems} {
		for i := range list {
			texts = append(texts, &list[i])
		}
	}
	for i := range s.Ports {
		p := &s.Ports[i]
		texts = append(texts, &p.Name, &p.Kind, &p.MAC, &p.Waiting, &p.On, &p.Master, &p.Former, &p.Path, &p.Driver)
		for _, dhcp := range []*DHCPStatus{p.DHCP, p.DHCP6} {
			if dhcp != nil {
				texts = append(texts, &dhcp.Doubt, &dhcp.Refusal)
			}
		}
		texts = append(texts, p.WireGuard.texts()...)
		for _, list := range [][]AddressStatus{p.Addresses, p.Prefixes} {
			for j := range list {
				texts = append(texts, &list[j].Prefix, &list[j].Source)
			}
		}
		for j := range p.Routes {
			texts = append(texts, p.Routes[j].texts()...)
		}
	}
	for _, text := range texts {
		*text = strings.Map(func(r rune) rune {
			if strconv.IsPrint(r) {
				return r
			}
			return '?'
		}, *text)
	}
}

func (r *RouteStatus) texts() []*string { return []*string{&r.To, &r.Via, &r.Source, &r.Type} }
