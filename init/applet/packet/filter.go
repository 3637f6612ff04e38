package packet

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Link is how the bytes before the network layer are laid out.
type Link struct {
	protocol uint32 // where the Ethernet type is
	network  uint32 // where the network layer begins
	ethernet bool
	live     bool // the kernel keeps the first VLAN tag beside the packet
}

// The links that are known. Of live packets only the kernel can run the program.
var (
	Ethernet     = Link{protocol: 12, network: 14, ethernet: true}
	LiveEthernet = Link{protocol: 12, network: 14, ethernet: true, live: true}
	LiveCooked   = Link{protocol: protocolOf, live: true} // an AF_PACKET socket of type SOCK_DGRAM
	Cooked       = Link{protocol: 14, network: 16}        // LINUX_SLL
	Cooked2      = Link{protocol: 0, network: 20}         // LINUX_SLL2
)

const (
	typeIPv4, typeARP, typeRARP, typeIPv6 = 0x0800, 0x0806, 0x8035, 0x86dd
	protoICMP, protoTCP, protoUDP         = 1, 6, 17
	protoICMPv6, protoSCTP                = 58, 132

	// maxSteps keeps a program in the kernel's 4096 instructions, of which a step takes up to 3.
	maxSteps = 1300
	maxDepth = 100
)

var vlanTypes = [...]uint32{0x8100, 0x88a8, 0x9100}

// Resolver gives the addresses of a host's name.
type Resolver func(name string) ([]netip.Addr, error)

// Compile turns a filter into a program that takes snaplen bytes of the packets
// that it lets through; the empty one lets all. The words are those of
// pcap-filter(7): host, net, port, portrange, ether host, vlan, ip, ip6, arp, tcp,
// udp, icmp, icmp6, each with src or dst where that makes sense; and, or, not and
// parentheses. As there, "and" and "or" bind alike, from the left, a vlan moves
// all that is written behind it one tag inwards, and a packet that is too short
// for a question that is asked about it is not let through.
func Compile(filter string, link Link, snaplen uint32, resolve Resolver) ([]Instruction, error) {
	c := &compiler{words: split(filter), link: link, resolve: resolve}
	yes, no := c.label(), c.label()
	if len(c.words) > 0 {
		if err := c.expression(yes, no, 0); err != nil {
			return nil, err
		}
		if c.word() != "" {
			return nil, fmt.Errorf("unexpected %q; join questions with and, or", c.word())
		}
	}
	if len(c.steps) > maxSteps {
		return nil, errors.New("the filter is too long")
	}
	c.place(yes)
	c.do(give, snaplen)
	c.place(no)
	c.do(give, 0)
	return c.program(), nil
}

// split separates words, parentheses and exclamation marks.
func split(text string) (words []string) {
	for _, mark := range []string{"(", ")", "!"} {
		text = strings.ReplaceAll(text, mark, " "+mark+" ")
	}
	return strings.Fields(strings.NewReplacer("&&", " and ", "||", " or ").Replace(text))
}

// asked is what stands before a value: [ip] [src] [host] 10.0.0.1.
type asked struct {
	proto, dir, kind string
}

type compiler struct {
	emitter
	words   []string
	link    Link
	last    asked // a value alone, as in "port 80 or 443", asks the same again
	resolve Resolver
}

func (c *compiler) word() string {
	if len(c.words) == 0 {
		return ""
	}
	return c.words[0]
}

func (c *compiler) take() string {
	word := c.word()
	if word != "" {
		c.words = c.words[1:]
	}
	return word
}

func (c *compiler) expression(yes, no label, depth int) error {
	if depth > maxDepth {
		return errors.New("too many parentheses")
	}
	// Each operand jumps to labels of its own, which are placed where the operator behind it tells.
	myYes, myNo := c.label(), c.label()
	if err := c.operand(myYes, myNo, depth); err != nil {
		return err
	}
	for {
		if len(c.steps) > maxSteps {
			return errors.New("the filter is too long")
		}
		nextYes, nextNo := c.label(), c.label()
		switch c.word() {
		case "and":
			c.place(myYes)
			c.take()
			if err := c.operand(nextYes, nextNo, depth); err != nil {
				return err
			}
			c.same(myNo, nextNo)
		case "or":
			c.place(myNo)
			c.take()
			if err := c.operand(nextYes, nextNo, depth); err != nil {
				return err
			}
			c.same(myYes, nextYes)
		default:
			c.same(myYes, yes)
			c.same(myNo, no)
			return nil
		}
		myYes, myNo = nextYes, nextNo
	}
}

// same makes all jumps to one label go to another.
func (c *compiler) same(from, to label) {
	for i := range c.steps {
		s := &c.steps[i]
		if s.Code&7 == 5 && s.yes == from {
			s.yes = to
		}
		if s.Code&7 == 5 && s.no == from {
			s.no = to
		}
	}
}

func (c *compiler) operand(yes, no label, depth int) error {
	for c.word() == "not" || c.word() == "!" {
		c.take()
		yes, no = no, yes
	}
	if c.word() != "(" {
		return c.primitive(yes, no)
	}
	c.take()
	if err := c.expression(yes, no, depth+1); err != nil {
		return err
	}
	if c.take() != ")" {
		return errors.New("a parenthesis is not closed")
	}
	return nil
}

var protocols = map[string]byte{"tcp": protoTCP, "udp": protoUDP, "icmp": protoICMP, "icmp6": protoICMPv6, "sctp": protoSCTP}

func (c *compiler) primitive(yes, no label) error {
	q := asked{}
	switch c.word() {
	case "vlan":
		c.take()
		return c.vlan(yes, no)
	case "":
		return errors.New("the filter ends too early")
	case "ether", "ip", "ip6", "arp", "rarp", "tcp", "udp", "icmp", "icmp6", "sctp":
		q.proto = c.take()
	}
	if c.word() == "src" || c.word() == "dst" {
		q.dir = c.take()
		if len(c.words) > 1 && (c.words[0] == "or" || c.words[0] == "and") && (c.words[1] == "src" || c.words[1] == "dst") {
			if c.words[1] == q.dir {
				return fmt.Errorf("%s %s %s", q.dir, c.words[0], q.dir)
			}
			q.dir = c.words[0]
			c.words = c.words[2:]
		}
	}
	switch c.word() {
	case "host", "net", "port", "portrange":
		q.kind = c.take()
	}
	switch word := c.word(); {
	case q.dir == "" && q.kind == "" && q.proto == "":
		if c.last.kind == "" {
			c.last = asked{kind: "host"}
		}
		q = c.last
	case q.dir == "" && q.kind == "" && (word == "" || word == "and" || word == "or" || word == ")"):
		return c.protocol(q.proto, yes, no)
	case q.kind == "":
		q.kind = "host"
	}
	value := c.take()
	if value == "" || value == "and" || value == "or" || value == "not" || strings.ContainsAny(value, "()!") {
		return fmt.Errorf("%s needs a value", q.kind)
	}
	c.last = q
	switch {
	case q.proto == "ether" && q.kind == "host":
		return c.etherHost(q, value, yes, no)
	case q.kind == "port" || q.kind == "portrange":
		return c.ports(q, value, yes, no)
	case q.proto == "" || q.proto == "ip" || q.proto == "ip6" || q.proto == "arp" || q.proto == "rarp":
		return c.addresses(q, value, yes, no)
	}
	return fmt.Errorf("%s %s: no such question", q.proto, q.kind)
}
