package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"bantam/init/kmod"
	"bantam/init/supervise"
	"bantam/netcfg"
	"bantam/printable"
	"bantam/switcher"
	"bantam/system"
)

const statusHelp = `--json prints everything as one JSON document. The exit code is 0, or 2 when a service does not
work that should: it has failed, keeps going down (crash-looping), or waits for one that does.`

const netHelp = `For each port: what was wished for, what is there, where it comes from and until when, and
what the port waits for. Network cards that have no driver follow, with the module that would drive
them. --json prints everything as one JSON document. What the DHCP client got and did not use is
counted where there was something. A WireGuard tunnel has its public key and its peers: where each
is, and when it was last heard of.

status          in one line: whether the machine is online, and each port's address or what it
                waits for
why [WHAT]      all of it, or what there is to a port, an address, a network, a server
routes          the routes and rules of all ports, and where each comes from
plan            what a switch to the draft would change, as bantam plan
renew PORT      ask the port's DHCP server and IPv6 routers anew, as if its cable had been pulled
                for a moment; what it has stays until there is an answer
firewall        the zones, and what the rules have counted, as the kernel has them now, also with
                --json; see bantam help firewall
leases, clients the addresses that ports with serve = { dhcp = ... } have given away
dns             the DNS forwarder: which servers it asks and how they do, its cache, what it has
                answered and refused since its start; see bantam help dns`

const logHelp = `Without a SERVICE the lines of all of them, in the order in which they came. -n LINES shows
the last so many (default: all that is kept, 64 KiB for each service). -f stays and shows what
comes, until Ctrl-C. Lines in [brackets] are the supervisor's own. The kernel's log: dmesg.`

// visible is text for a terminal: what services wrote, and what was found in
// files, must not command it.
func visible(text string) string { return printable.Lines(text) }

// ask sends a request whose answer is one reply, and decodes it into reply.
func (c *client) ask(req Request, reply any) (Frame, bool) { return c.follow(req, reply, c.show) }

// show prints a frame's line.
func (c *client) show(f Frame) {
	if f.Line != "" {
		fmt.Fprintln(c.out, visible(f.Line))
	}
}

// follow is ask with each frame handed to each.
func (c *client) follow(req Request, reply any, each func(Frame)) (Frame, bool) {
	last, err := Call(c.socket, req, each)
	switch {
	case errors.Is(err, ErrHungUp): // what was asked for may be half done
		c.fail(err)
		return Frame{Exit: switcher.ExitFailed}, false
	case err != nil:
		c.fail(err)
		return Frame{Exit: ExitError}, false
	case last.Error != "":
		c.fail(errors.New(last.Error))
		return last, false
	case reply != nil && last.Reply != nil:
		if err := json.Unmarshal(last.Reply, reply); err != nil {
			c.fail(fmt.Errorf("answer: %w", err))
			return Frame{Exit: ExitError}, false
		}
	}
	return last, true
}

func (c *client) printJSON(v any) int {
	enc := json.NewEncoder(c.out)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return c.fail(err)
	}
	return ExitGood
}

func runStatus(c *client, args []string) int {
	s, asJSON, code := c.status(args)
	if code != 0 {
		return code
	}
	if asJSON {
		return max(c.printJSON(s), health(s.Services))
	}
	s.write(c.out)
	return health(s.Services)
}

// status fetches the status for a verb whose only option is --json.
func (c *client) status(args []string) (s Status, asJSON bool, code int) {
	flags, rest, code := c.options(args, "", "--json")
	if code != 0 {
		return s, false, code
	}
	if len(rest) > 0 {
		return s, false, c.misuse("%q is too much", rest[0])
	}
	if last, ok := c.ask(Request{Verb: "status"}, &s); !ok {
		return s, false, max(last.Exit, ExitError)
	}
	s.noteCards()
	return s, flags["--json"] != "", 0
}

// health is the exit code that says how services do.
func health(services []supervise.State) int {
	if slices.ContainsFunc(services, supervise.State.Failing) {
		return switcher.ExitDegraded
	}
	return ExitGood
}

// write prints the status for a person, at most 80 columns where it can.
func (s Status) write(w io.Writer) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-12s%s\n", name, fmt.Sprintf(format, args...))
	}
	row("machine", "%s, board %s, Bantam %s, Linux %s, up %s", s.Hostname, s.Board, s.Version, s.Kernel, s.Uptime.Round(time.Second))
	switch {
	case s.Generation != 0:
		row("generation", "%d, %s: %s", s.Generation, s.standing(), s.Why)
	case s.Starting != 0:
		row("generation", "%d, %s, is being started: %s", s.Starting, s.State, s.Why)
	case s.Busy != "":
		row("generation", "none yet")
	default:
		row("generation", "%s, which could not be kept", generationName(0))
	}
	switch next := s.Default; {
	case s.Tries != 0:
		row("next boot", "tries generation %d, then %s", s.Tries, generationName(next))
	case next != s.Generation:
		row("next boot", "%s", generationName(next))
	}
	if s.Busy != "" {
		row("under way", "%s", s.Busy)
	}
	if s.Last != "" {
		row("last switch", "%s", s.Last)
	}
	row("state", "%s", s.Storage)
	row("boot", "%s", s.Boot.line())
	row("watchdog", "%s", s.Watchdog)
	for _, n := range s.Notes {
		row("note", "%s", n)
	}
	if s.Network != nil {
		row("network", "%s", networkLine(*s.Network))
	}
	if s.SSH != nil {
		row("ssh", "%s", s.SSH.line())
		for _, who := range s.SSH.Sessions {
			row("", "%s from %s, since %v", who.User, who.From, max(s.Uptime-who.Since, 0).Round(time.Second))
		}
	}
	fmt.Fprintln(w)
	writeServices(w, s.Services, s.Uptime)
}

// line says where to knock, and how to know that it is this machine.
func (s SSH) line() string {
	key := "its host key waits for the kernel's random numbers"
	if s.Fingerprint != "" {
		key = "host key " + s.Fingerprint
		if !s.Lasting {
			key += ", another at each boot"
		}
	}
	return strings.Join(s.At, ", ") + "; " + key
}

// standing is what is known of what runs: while it is being proven, what was thought of it before counts no more.
func (s Status) standing() string {
	if s.Busy != "" && s.State != switcher.StateGood && s.Patience == 0 {
		return "being proven"
	}
	return string(s.State)
}

func generationName(n int) string {
	if n == 0 {
		return "the image's own generation"
	}
	return fmt.Sprintf("generation %d", n)
}

// networkLine says in one line how the machine is connected.
func networkLine(n netcfg.Status) string {
	var ports []string
	for _, p := range n.Ports {
		what := p.Waiting
		for _, a := range p.Addresses {
			if a.Source != "link-local" {
				what = a.Prefix
				break
			}
		}
		if what == "" {
			what = "up"
		}
		ports = append(ports, p.Name+" "+what)
	}
	state := "offline"
	if n.Online {
		state = "online"
	}
	if len(ports) == 0 {
		return state + ", no ports"
	}
	return state + ": " + strings.Join(ports, ", ")
}

func writeServices(w io.Writer, services []supervise.State, uptime time.Duration) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "SERVICE\tSTATE\tPID\tSINCE\tRESTARTS\t")
	for _, s := range services {
		pid := "-"
		if s.PID != 0 {
			pid = strconv.Itoa(s.PID)
		}
		word, why := s.Show()
		since := max(uptime-s.Since, 0).Round(time.Second)
		fmt.Fprintf(t, "%s\t%s\t%s\t%v\t%d\t%s\n", s.Name, word, pid, since, s.Restarts, why)
	}
	t.Flush()
}

func runNet(c *client, args []string) int {
	word, what := "", ""
	if len(args) > 0 {
		switch word = args[0]; word {
		case "leases", "clients":
			return runLeases(c, args[1:])
		case "renew":
			if len(args) != 2 {
				return c.misuse("renew which port?")
			}
			last, _ := c.ask(Request{Verb: "net renew", Names: args[1:]}, nil)
			return last.Exit
		case "firewall":
			return runFirewall(c, args[1:])
		case "dns":
			return runDNS(c, args[1:])
		case "plan":
			return runPlan(c, args[1:])
		case "status", "routes":
			args = args[1:]
		case "why":
			if args = args[1:]; len(args) > 0 {
				what, args = args[0], args[1:]
			}
		}
	}
	s, asJSON, code := c.status(args)
	switch {
	case code != 0:
		return code
	case s.Network == nil:
		return c.fail(fmt.Errorf("the network configurator has not said anything yet; `bantam log network` may tell why"))
	case asJSON && len(word) > 0 && word[0] != '-':
		return c.misuse("net %s has no --json; bantam net --json has all of it", word)
	case word == "status":
		fmt.Fprintln(c.out, visible(networkLine(*s.Network)))
		return ExitGood
	case word == "routes":
		if err := s.Network.Routing(c.out); err != nil {
			return c.fail(err)
		}
		return ExitGood
	case what != "":
		var table strings.Builder
		if err := s.Network.Table(&table); err != nil {
			return c.fail(err)
		}
		found := about(table.String(), what)
		if found == "" {
			return c.fail(fmt.Errorf("the network has nothing that is called %q; `bantam net` shows all of it", what))
		}
		fmt.Fprint(c.out, found)
		return ExitGood
	}
	cards, err := unservedNetwork()
	if err != nil {
		return c.fail(err)
	}
	serves, trouble := servedPorts(s.Services)
	if asJSON {
		return c.printJSON(networkReport{s.Network, serves, cards})
	}
	for _, service := range s.Services {
		if service.Name == system.NetworkService && service.PID == 0 {
			fmt.Fprintf(c.out, "The network configurator does not run (%s): nobody renews leases.\nWhat follows is its last word. `bantam service start network` starts it.\n\n", service.Reason)
		}
	}
	if err := s.Network.Table(c.out); err != nil {
		return c.fail(err)
	}
	for i, port := range serves {
		if i == 0 {
			fmt.Fprintln(c.out)
		}
		fmt.Fprintln(c.out, port.line())
	}
	if trouble != "" {
		fmt.Fprintf(c.out, "\n%s\n", visible(trouble))
	}
	for _, card := range cards {
		fmt.Fprintf(c.out, "\n%s\n", visible(strings.Join(card.Lines(), "\n")))
	}
	return ExitGood
}

// about is what a table says of a port, an address, a network or a server: its lines, and the ports that these belong to.
func about(table, what string) string {
	named := func(line string) bool {
		return slices.ContainsFunc(strings.Fields(line), func(f string) bool {
			f = strings.TrimRight(f, ",:;")
			return f == what || strings.HasPrefix(f, what+"/")
		})
	}
	var found strings.Builder
	head, whole := "", false
	for line := range strings.Lines(table) {
		if line[0] != ' ' {
			name, _, _ := strings.Cut(line, " ")
			head, whole = line, strings.TrimSpace(name) == what
		}
		if !whole && !named(line) {
			continue
		}
		if line != head && head != "" {
			found.WriteString(head)
		}
		found.WriteString(line)
		head = ""
	}
	return found.String()
}

// networkReport is what net --json prints.
type networkReport struct {
	*netcfg.Status
	Serves   []servedPort    `json:"serves,omitempty"`
	NoDriver []kmod.Unserved `json:"no_driver,omitempty"`
}

// unservedNetwork finds network cards without a driver; replaced by tests.
var unservedNetwork = kmod.UnservedNetwork

// noteCards adds network cards without a driver to the notes of this machine.
func (s *Status) noteCards() {
	cards, _ := unservedNetwork() // bantam net tells what is wrong
	for _, card := range cards {
		s.Notes = append(s.Notes, card.String())
	}
}

func runLog(c *client, args []string) int {
	flags, rest, code := c.options(args, "-n", "-f")
	if code != 0 {
		return code
	}
	req := Request{Verb: "log", Names: rest, Follow: flags["-f"] != ""}
	if len(rest) > 1 {
		return c.misuse("one service at a time, or none for all")
	}
	if n := flags["-n"]; n != "" {
		lines, err := strconv.Atoi(n)
		if err != nil || lines < 1 {
			return c.misuse("-n %s: not a number of lines", n)
		}
		req.Lines = lines
	}
	last, _ := c.ask(req, nil)
	return last.Exit
}

// Greeting is what a terminal shows before its shell: where one is, and what to type; and until when, since the start of the
// kernel, the boot menu may be asked for there.
func Greeting(tty string) (text string, menuUntil time.Duration) {
	// Firmware leaves serial terminals with their autowrap off, which cuts every
	// line at the last column.
	text = "\x1b[?7h\n" + strings.TrimSuffix(Where(tty), "\n") + " `bantam help` lists what you can do.\n"
	answer := make(chan Status, 1)
	go func() {
		var s Status
		_, err := Call(Socket, Request{Verb: "status"}, func(f Frame) {
			if f.Reply != nil {
				json.Unmarshal(f.Reply, &s)
			}
		})
		if err == nil {
			s.noteCards()
			answer <- s
		}
		close(answer)
	}()
	select {
	case s, ok := <-answer:
		if ok {
			text += s.greeting() + "\n"
			menuUntil = s.Began + menuWindow
		}
	case <-time.After(greetingLimit): // whoever sits there needs a shell all the more
	}
	return text + "\n", menuUntil
}

// Where is what a terminal shows of the machine to everybody.
func Where(tty string) string {
	host, _ := os.Hostname()
	if host == "(none)" { // the kernel's, before a generation gives one
		host = "a machine that is starting"
	}
	return fmt.Sprintf("Bantam %s on %s, %s.\n", Version, host, filepath.Base(tty))
}

// menuWindow is for how long after its start PID 1 can be asked for the boot menu.
const menuWindow = 2 * time.Second

// greetingLimit is how long PID 1 may take to say what runs.
const greetingLimit = 5 * time.Second

// greeting says what runs and what is wrong.
func (s Status) greeting() (text string) {
	switch {
	case s.Generation == 0 && s.Starting != 0:
		text = fmt.Sprintf("Generation %d, %s, is being started.", s.Starting, s.State)
	case s.Generation == 0 && s.Busy == "":
		text = fmt.Sprintf("It runs %s, which could not be kept.", generationName(0))
	case s.Generation == 0:
		text = "No generation has been chosen yet; `bantam status` tells when."
	default:
		text = fmt.Sprintf("Generation %d, %s.", s.Generation, s.standing())
		if s.Busy != "" && s.standing() == string(s.State) {
			text += fmt.Sprintf(" Under way: %s.", s.Busy)
		}
	}
	if !s.Lasting {
		text += " The state is " + s.Storage + "."
	}
	if s.SSH != nil {
		text += "\nSSH at " + s.SSH.line() + "."
	}
	for _, n := range s.Notes {
		text += "\n  " + n
	}
	return text
}
