package applet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// socket is a line of /proc/net/tcp and its kin.
type socket struct {
	kind        string // tcp, udp, raw, or u_str and so on
	state       string
	received    uint64 // bytes, or connections, that wait for the program
	unsent      uint64 // bytes that wait for the network
	local, peer string
	inode       string
	six         bool
}

// socketStates are the kernel's numbers (include/net/tcp_states.h).
var socketStates = []string{"", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING", "SYN-RECV"}

// ss lists sockets. Ports are always numbers: an image has no /etc/services.
func ss(c *call, args []string) int {
	opts, operands, err := parseOptions("46anltuwxpsHr", map[string]byte{"all": 'a', "listening": 'l', "numeric": 'n', "tcp": 't', "udp": 'u', "raw": 'w',
		"unix": 'x', "processes": 'p', "summary": 's', "ipv4": '4', "ipv6": '6', "no-header": 'H'}, args)
	if err == nil && (len(operands) > 0 || opts.has('r')) {
		err = errors.New("filters and names are not supported")
	}
	if err != nil {
		return c.misuse("%v", err)
	}
	return c.sockets(opts)
}

// netstat is ss, or with -r and -i what ip tells.
func netstat(c *call, args []string) int {
	opts, operands, err := parseOptions("46anltuwxpsriHW", map[string]byte{"all": 'a', "listening": 'l', "numeric": 'n', "tcp": 't', "udp": 'u',
		"route": 'r', "interfaces": 'i', "program": 'p', "programs": 'p', "statistics": 's', "wide": 'W'}, args)
	if err == nil && len(operands) > 0 {
		err = fmt.Errorf("unexpected %s", operands[0])
	}
	switch {
	case err != nil:
		return c.misuse("%v", err)
	case opts.has('r') && opts.has('6'):
		return ip(c, []string{"-6", "route"})
	case opts.has('r'):
		return ip(c, []string{"route"})
	case opts.has('i'):
		return ip(c, []string{"-s", "link"})
	}
	return c.sockets(opts)
}

func (c *call) sockets(opts options) int {
	families := []string{"", "6"}
	if opts.has('4') != opts.has('6') {
		families = families[:1]
		if opts.has('6') {
			families = []string{"6"}
		}
	}
	var list []socket
	some := opts.has('t') || opts.has('u') || opts.has('w') || opts.has('x')
	for _, k := range []struct {
		letter byte
		name   string
	}{{'x', "unix"}, {'w', "raw"}, {'u', "udp"}, {'t', "tcp"}} {
		if some && !opts.has(k.letter) {
			continue
		}
		if k.name == "unix" {
			if !opts.has('4') && !opts.has('6') {
				list = append(list, c.readSockets("unix", parseUnixSockets)...)
			}
			continue
		}
		for _, six := range families {
			list = append(list, c.readSockets(k.name+six, func(text string) []socket { return parseSockets(k.name, text) })...)
		}
	}
	if opts.has('s') {
		c.summary(list)
		return c.status
	}
	var owners map[string]string
	if opts.has('p') {
		owners = socketOwners()
	}
	rows := [][]string{}
	if !opts.has('H') {
		rows = append(rows, []string{"Netid", "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port", "Process"})
	}
	for _, s := range list {
		waits := s.state == "LISTEN" || s.state == "UNCONN"
		if !opts.has('a') && waits != opts.has('l') {
			continue
		}
		rows = append(rows, []string{s.kind, s.state, strconv.FormatUint(s.received, 10), strconv.FormatUint(s.unsent, 10), c.shown(s.local), c.shown(s.peer), owners[s.inode]})
	}
	alignment{right: []bool{false, false, true, true, true, true}}.print(c.out, rows)
	return c.status
}

// readSockets reads a table of the kernel; one that a kernel lacks, as without
// IPv6, is empty.
func (c *call) readSockets(name string, parse func(string) []socket) []socket {
	text, err := os.ReadFile("/proc/net/" + name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.fail("/proc/net/"+name, err)
	}
	return parse(string(text))
}

// parseSockets reads /proc/net/{tcp,udp,raw}{,6}.
func parseSockets(kind, text string) (list []socket) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 10 || !strings.HasSuffix(f[0], ":") {
			continue
		}
		state, err := strconv.ParseUint(f[3], 16, 8)
		if err != nil || int(state) >= len(socketStates) {
			continue
		}
		sent, received, _ := strings.Cut(f[4], ":")
		s := socket{kind: kind, state: socketStates[state], inode: f[9], local: endpoint(f[1]), peer: endpoint(f[2]), six: len(f[1]) > 13}
		s.unsent, _ = strconv.ParseUint(sent, 16, 64)
		s.received, _ = strconv.ParseUint(received, 16, 64)
		list = append(list, s)
	}
	return list
}

// endpoint turns 0100007F:0016 into 127.0.0.1:22. The kernel writes the address
// as words in its own order of bytes.
func endpoint(text string) string {
	address, port, _ := strings.Cut(text, ":")
	var bytes []byte
	for len(address) >= 8 {
		n, err := strconv.ParseUint(address[:8], 16, 32)
		if err != nil {
			return text
		}
		bytes = binary.NativeEndian.AppendUint32(bytes, uint32(n))
		address = address[8:]
	}
	ip, ok := netip.AddrFromSlice(bytes)
	number, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil {
		return text
	}
	shown := strconv.FormatUint(number, 10)
	if number == 0 {
		shown = "*"
	}
	if ip.Is6() {
		return "[" + ip.String() + "]:" + shown
	}
	return ip.String() + ":" + shown
}

// parseUnixSockets reads /proc/net/unix.
func parseUnixSockets(text string) (list []socket) {
	kinds := map[string]string{"0001": "u_str", "0002": "u_dgr", "0005": "u_seq"}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 7 || kinds[f[4]] == "" {
			continue
		}
		s := socket{kind: kinds[f[4]], inode: f[6], local: "*", peer: "*", state: "UNCONN"}
		if len(f) > 7 {
			s.local = strings.Join(f[7:], " ")
		}
		s.local += " " + s.inode
		switch {
		case f[3] == "00010000": // __SO_ACCEPTCON
			s.state = "LISTEN"
		case f[5] == "03":
			s.state = "ESTAB"
		}
		list = append(list, s)
	}
	return list
}

// socketOwners tells which processes have a socket, by inode. Others' are for
// root to see.
func socketOwners() map[string]string {
	owners := map[string]string{}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil {
			continue
		}
		inode, isSocket := strings.CutPrefix(target, "socket:[")
		if !isSocket {
			continue
		}
		inode = strings.TrimSuffix(inode, "]")
		parts := strings.Split(link, "/") // /proc/PID/fd/N
		name, _ := os.ReadFile("/proc/" + parts[2] + "/comm")
		owner := fmt.Sprintf("(%q,pid=%s,fd=%s)", PrintableLine(strings.TrimSpace(string(name))), parts[2], parts[4])
		if before := owners[inode]; before != "" {
			owners[inode] = strings.TrimSuffix(before, ")") + "," + owner + ")"
		} else {
			owners[inode] = "users:(" + owner + ")"
		}
	}
	return owners
}

// summary counts the sockets.
func (c *call) summary(list []socket) {
	states := map[string]int{}
	counts := map[string][2]int{}
	for _, s := range list {
		if s.kind == "tcp" {
			states[s.state]++
		}
		n := counts[s.kind]
		if s.six {
			n[1]++
		} else {
			n[0]++
		}
		counts[s.kind] = n
	}
	c.printf("TCP: estab %d, listen %d, timewait %d, other %d\n\n", states["ESTAB"], states["LISTEN"], states["TIME-WAIT"],
		counts["tcp"][0]+counts["tcp"][1]-states["ESTAB"]-states["LISTEN"]-states["TIME-WAIT"])
	rows := [][]string{{"Transport", "Total", "IPv4", "IPv6"}}
	for _, kind := range []string{"raw", "udp", "tcp"} {
		n := counts[kind]
		rows = append(rows, []string{kind, strconv.Itoa(n[0] + n[1]), strconv.Itoa(n[0]), strconv.Itoa(n[1])})
	}
	unix := counts["u_str"][0] + counts["u_dgr"][0] + counts["u_seq"][0]
	rows = append(rows, []string{"unix", strconv.Itoa(unix), "-", "-"})
	alignment{right: []bool{false, true, true, true}}.print(c.out, rows)
}
