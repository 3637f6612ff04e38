// Package loadertest plays a boot loader for tests: U-Boot's prompt, with memory, a medium and YMODEM. Its clock is moved by the test.
package loadertest

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"bantam/recovery/ymodem/ymodemtest"
)

// Board is the file of a board that has it; [rescue] is its last table, so more of that may follow.
const Board = `
description = "a board that is played"
arch = "arm"
debian_arch = "armhf"
kernel_package = "linux-image-armmp"
cmdline = "console=ttyS0 panic=10"
boot = "u-boot"
image_limit = 8_000_000
modules = ["x"]

[rescue]
identify = "printenv board_name"
identity = "board_name=toy"
prepare = ["medium"]
found = 'of (\d+) blocks'
write = ["write {address} {block} {count}"]
read = ["read {address} {block} {count}"]
line = "loady {address} {baud}"
`

// Loader is one that is played. The zero value but for Medium is switched on and at its prompt.
type Loader struct {
	Medium  []byte
	Prompt  string        // "": =>
	Late    time.Duration // before each answer
	Boots   []string      // what is said, one piece a second, before the countdown
	Count   int           // seconds of the countdown; 0: it is at its prompt
	Key     string        // what stops it; "": any
	After   string        // what is said when nothing has stopped it
	Names   string        // board_name
	Deaf    bool          // nothing stops it
	Worn    bool          // its medium takes nothing
	Full    bool          // of its memory almost nothing is free
	Starts  string        // what the system says behind reset; "": nothing starts
	Status  []string      // what `bantam status` at its shell says, one after the other
	Serves  []byte        // by a TFTP server that it reaches; nil: it reaches none
	Fetched int           // how often it has
	Speeds  []int         // at which bytes come through; nil: at all

	memory   []byte // from base on
	typed    []byte
	out      []byte
	queue    []answer
	now      time.Duration
	second   time.Duration
	up       bool
	runs     bool // what was started
	receiver *ymodemtest.Receiver
	at       int64
	baud     int // of the line as it has it
	waits    byte
	Commands []string // that were done
}

type answer struct {
	at   time.Duration
	text string
}

const (
	base     = 0x4000_0000
	size     = 8 << 20
	loadAddr = base + 0x20_0000
	slow     = 115200
)

// Step takes what comes over the line at a speed, lets time pass and gives what it says.
func (l *Loader) Step(in []byte, baud int, passed time.Duration) (out []byte) {
	if l.memory == nil {
		l.memory, l.baud, l.up = make([]byte, size), slow, l.Count == 0 && len(l.Boots) == 0 && !l.Deaf
	}
	l.now += passed
	if baud != l.baud || l.Speeds != nil && !contains(l.Speeds, baud) {
		in = bytes.Repeat([]byte{0x80}, len(in)) // noise
	}
	switch {
	case !l.up:
		l.countdown(in)
	case l.waits != 0:
		l.other(in)
	case l.receiver != nil:
		l.receive(in, passed)
	case l.runs:
		l.shell(in)
	default:
		for _, b := range in {
			l.key(b)
		}
	}
	for len(l.queue) > 0 && l.queue[0].at <= l.now {
		l.out = append(l.out, l.queue[0].text...)
		l.queue = l.queue[1:]
	}
	out, l.out = l.out, nil
	if baud != l.baud {
		out = bytes.Repeat([]byte{0x80}, len(out))
	}
	return out
}

// Again is a reset by hand, with a countdown that is over when a key comes.
func (l *Loader) Again() {
	l.up, l.Count, l.baud, l.waits, l.receiver, l.queue, l.typed = false, 5, slow, 0, nil, nil, nil
}

// AtPrompt says whether it waits for a command of which nothing is typed.
func (l *Loader) AtPrompt() bool {
	return l.up && l.receiver == nil && l.waits == 0 && len(l.typed) == 0
}

func contains(list []int, n int) bool {
	for _, x := range list {
		if x == n {
			return true
		}
	}
	return false
}

func (l *Loader) prompt() string {
	if l.Prompt == "" {
		return "=> "
	}
	return l.Prompt
}

// countdown is what is before the prompt.
func (l *Loader) countdown(in []byte) {
	if l.typed = append(l.typed, in...); len(l.Boots) == 0 && l.Count > 0 && !l.Deaf && len(in) > 0 && bytes.Contains(l.typed, []byte(l.Key)) {
		l.up, l.typed = true, nil
		l.out = append(l.out, "\r\n"+l.prompt()...)
		return
	}
	if l.now-l.second < time.Second {
		return
	}
	l.second = l.now
	switch {
	case len(l.Boots) > 0:
		l.out = append(l.out, l.Boots[0]...)
		l.Boots = l.Boots[1:]
		l.typed = nil
	case l.Count > 0:
		l.Count--
		l.out = append(l.out, fmt.Sprintf("\b\b\b%2d ", l.Count)...)
	default:
		l.out = append(l.out, l.After...)
	}
}

// key takes one that is typed at the prompt.
func (l *Loader) key(b byte) {
	switch {
	case b == 3:
		l.typed = nil
		l.say("<INTERRUPT>\r\n" + l.prompt())
	case b == '\r':
		command := string(l.typed)
		l.typed = nil
		l.Commands = append(l.Commands, command)
		said := l.do(command)
		if l.receiver != nil || l.waits != 0 {
			l.say("\r\n" + said)
			return
		}
		if l.runs {
			l.say("\r\n" + said + l.Starts)
			return
		}
		l.say("\r\n" + said + l.prompt())
	case b >= ' ' && b < 0x7f:
		l.typed = append(l.typed, b)
		l.out = append(l.out, b)
	}
}

// shell is that of a Bantam which was started.
func (l *Loader) shell(in []byte) {
	for _, b := range in {
		if l.typed = append(l.typed, b); b != '\r' {
			continue
		}
		said := ""
		if strings.HasSuffix(string(l.typed), "bantam status\r") && len(l.Status) > 0 {
			said, l.Status = l.Status[0]+"\r\n", l.Status[1:]
		}
		l.typed = nil
		l.say("\r\n" + said + Shell)
	}
}

// Shell is the prompt of Bantam's shell.
const Shell = "root@toy:~# "

func (l *Loader) say(text string) { l.queue = append(l.queue, answer{l.now + l.Late, text}) }

// do is a command.
func (l *Loader) do(command string) (said string) {
	words := strings.Fields(command)
	if len(words) == 0 {
		return ""
	}
	n := make([]int64, 6)
	for i := 1; i < len(words) && i < 6; i++ {
		n[i], _ = strconv.ParseInt(words[i], 16, 64)
	}
	if !l.fits(words[0], n) {
		return "\"Synchronous Abort\" handler\r\n"
	}
	switch words[0] {
	case "version":
		return "U-Boot 2023.01 (played)\r\n"
	case "printenv":
		if strings.HasSuffix(command, " loadaddr") {
			return fmt.Sprintf("loadaddr=%#x\r\n", loadAddr)
		}
		return "board_name=" + l.Names + "\r\n"
	case "bdinfo":
		top := base + size - 1<<20
		if l.Full {
			top = loadAddr + 1<<20 + 1<<10
		}
		return fmt.Sprintf("DRAM bank   = 0x0\r\n-> start    = 0x%016x\r\n-> size     = 0x%016x\r\nrelocaddr   = 0x%016x\r\n", base, size, top)
	case "medium":
		return fmt.Sprintf("medium of %d blocks\r\n", len(l.Medium)/512)
	case "mw.l":
		for i := int64(0); i < n[3]*4; i++ {
			l.memory[n[1]-base+i] = 0
		}
		return ""
	case "crc32":
		return fmt.Sprintf("crc32 for %x ... %x ==> %08x\r\n", n[1], n[1]+n[2]-1, crc32.ChecksumIEEE(l.memory[n[1]-base:n[1]-base+n[2]]))
	case "write":
		if !l.Worn {
			copy(l.Medium[n[2]*512:][:n[3]*512], l.memory[n[1]-base:])
		}
		return fmt.Sprintf("%d blocks written: OK\r\n", n[3])
	case "update": // flash, by bytes
		copy(l.Medium[n[2]:][:n[3]], l.memory[n[1]-base:])
		return fmt.Sprintf("%d bytes written, 0 bytes skipped\r\n", n[3])
	case "fetch":
		copy(l.memory[n[1]-base:], l.Medium[n[2]:][:n[3]])
		return fmt.Sprintf("%d bytes @ %#x Read: OK\r\n", n[3], n[2])
	case "read":
		copy(l.memory[n[1]-base:], l.Medium[n[2]*512:][:n[3]*512])
		return fmt.Sprintf("%d blocks read: OK\r\n", n[3])
	case "loady":
		baud := slow
		if len(words) > 2 {
			baud, _ = strconv.Atoi(words[2])
		}
		l.at = n[1]
		l.receiver = &ymodemtest.Receiver{}
		if baud != slow {
			l.waits, l.receiver = '\r', nil
			l.queue = append(l.queue, answer{l.now, fmt.Sprintf("## Switch baudrate to %d bps and press ENTER ...\r\n", baud)})
			l.baud = -baud // once that is said
			return ""
		}
		return "## Ready for binary (ymodem) download\r\nC"
	case "tftp":
		if l.Serves == nil {
			return "Retry count exceeded; starting again\r\n"
		}
		l.Fetched++
		copy(l.memory[n[1]-base:], l.Serves)
		return fmt.Sprintf("Bytes transferred = %d (%x hex)\r\n", len(l.Serves), len(l.Serves))
	case "reset":
		l.runs = l.Starts != ""
		return "resetting ...\r\n"
	}
	return "Unknown command '" + words[0] + "' - try 'help'\r\n"
}

// fits says whether a command stays in memory and on the medium: on a line that alters bytes others arrive.
func (l *Loader) fits(command string, n []int64) bool {
	memory := func(at, bytes int64) bool { return at >= base && bytes >= 0 && bytes <= size && at+bytes <= base+size }
	switch command {
	case "mw.l":
		return memory(n[1], n[3]*4)
	case "crc32":
		return n[2] > 0 && memory(n[1], n[2])
	case "write", "read":
		return n[2] >= 0 && n[3] >= 0 && n[3] < 1<<20 && memory(n[1], n[3]*512) && (n[2]+n[3])*512 <= int64(len(l.Medium))
	case "update", "fetch":
		return n[2] >= 0 && n[3] >= 0 && memory(n[1], n[3]) && n[2]+n[3] <= int64(len(l.Medium))
	case "loady":
		return memory(n[1], 1<<20)
	}
	return true
}

// other waits for a key at another speed.
func (l *Loader) other(in []byte) {
	if l.baud < 0 && len(l.queue) == 0 {
		l.baud = -l.baud
		return
	}
	i := bytes.IndexByte(in, l.waits)
	if i < 0 || l.baud < 0 {
		return
	}
	if l.waits == '\r' {
		l.waits, l.receiver = 0, &ymodemtest.Receiver{}
		l.say("## Ready for binary (ymodem) download\r\nC")
		return
	}
	l.waits = 0
	l.say("\r\n" + l.prompt())
}

// receive goes on with a load.
func (l *Loader) receive(in []byte, passed time.Duration) {
	r := l.receiver
	if bytes.Equal(in, []byte{3}) {
		r.Over = true
	}
	l.out = append(l.out, r.Step(in, passed)...)
	copy(l.memory[min(l.at-base, size):], r.Got)
	if !r.Over {
		return
	}
	l.receiver = nil
	said := fmt.Sprintf("## Total Size      = %#x = %d Bytes\r\n", len(r.Got), len(r.Got))
	if l.baud != slow {
		l.out = append(l.out, said+fmt.Sprintf("## Switch baudrate to %d bps and press ESC ...\r\n", slow)...)
		l.baud, l.waits = slow, 0x1b
		return
	}
	l.say(said + l.prompt())
}
