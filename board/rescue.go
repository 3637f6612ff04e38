package board

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"bantam/system/syntax"
)

// Rescue is how a board's boot loader is spoken to at its prompt, and by which commands it writes an image. What is not said is
// mainline U-Boot's.
type Rescue struct {
	Stop      string   `toml:"stop"`       // what ends its countdown, e.g. " ", "tpl", or a password
	StopAt    string   `toml:"stop_at"`    // text at which that is typed, e.g. "stop autoboot"; "": again and again from the start
	StopEvery int      `toml:"stop_every"` // milliseconds between two of these
	Prompt    string   `toml:"prompt"`     // e.g. "=> " or "MT7621 # "
	Baud      int      `toml:"baud"`       // of its line
	Fast      []int    `toml:"fast"`       // speeds that loads by its line are tried at, the best first
	Identify  string   `toml:"identify"`   // command that says which board it is, e.g. "printenv board_name"
	Identity  string   `toml:"identity"`   // what it says then; "": nothing that tells this board from others
	Address   int64    `toml:"address"`    // in memory, where pieces of an image lie; 0: the variable loadaddr
	Piece     int64    `toml:"piece"`      // bytes that are loaded and written at once, at most
	Block     int64    `toml:"block"`      // bytes of what {block} and {count} count, and of what is written at least
	Start     int64    `toml:"start"`      // byte of the medium at which an image begins, e.g. 0x5_0000 of a flash whose boot loader lies before
	Prepare   []string `toml:"prepare"`    // commands that find and choose the medium, e.g. "mmc dev 0"
	Found     string   `toml:"found"`      // regular expression for what they say when it is there; its first group, if any, is its size in blocks
	Clear     string   `toml:"clear"`      // fills {words} of memory at {address} with zeros
	Sum       string   `toml:"sum"`        // says the CRC-32 of {bytes} at {address}
	SumSays   string   `toml:"sum_says"`   // regular expression whose first group that is
	Write     []string `toml:"write"`
	Read      []string `toml:"read"`
	Line      string   `toml:"line"`   // loads by YMODEM; "": it cannot
	TFTP      []string `toml:"tftp"`   // load {file} from {host}; none: it cannot
	Boot      string   `toml:"boot"`   // e.g. reset
	Failed    []string `toml:"failed"` // by which it says that a command has failed

	Host  string `toml:"host"`  // address that this host must have for TFTP, with its prefix, e.g. 192.168.1.10/24
	Board string `toml:"board"` // the board's, e.g. 192.168.1.1
	File  string `toml:"file"`  // what the boot loader asks for, e.g. recovery.bin; "": any name
	Port  int    `toml:"port"`  // at which it asks

	OpenWrt []string `toml:"openwrt"` // what OpenWrt calls the board, e.g. "gnubee,gb-pc1": whose sysupgrade may write the image
}

// IsZero tells a board of which nobody has said how its boot loader writes an image.
func (r Rescue) IsZero() bool { return len(r.Write) == 0 }

// Usual is it with what mainline U-Boot says and takes, where nothing else is said.
func (r Rescue) Usual() Rescue {
	r.Stop = cmp.Or(r.Stop, " ")
	r.StopEvery = cmp.Or(r.StopEvery, 100)
	r.Prompt = cmp.Or(r.Prompt, "=> ")
	r.Baud = cmp.Or(r.Baud, 115200)
	r.Piece = cmp.Or(r.Piece, 4<<20)
	r.Block = cmp.Or(r.Block, sector)
	r.Clear = cmp.Or(r.Clear, "mw.l {address} 0 {words}")
	r.Sum = cmp.Or(r.Sum, "crc32 {address} {bytes}")
	r.SumSays = cmp.Or(r.SumSays, "==> ([0-9a-f]{8})")
	r.Boot = cmp.Or(r.Boot, "reset")
	r.Port = cmp.Or(r.Port, 69)
	if len(r.Failed) == 0 {
		r.Failed = []string{"Unknown command", "Usage:", "## Error", "ERROR", "error:", "failed", "not found", "No such", "timed out", "Retry count exceeded", "TFTP error"}
	}
	return r
}

// places are what may stand in braces in a command.
var places = []string{"address", "bytes", "words", "offset", "block", "count", "baud", "file", "host", "board", "port"}

var place = regexp.MustCompile(`\{([^}]*)\}`)

// checkRescue looks at how a boot loader is spoken to.
func (r *reader) checkRescue(table *syntax.Node) {
	if table == nil || table.Bad {
		return
	}
	s := r.board.Rescue.Usual()
	at := func(key string) int {
		if n := table.Get(key); n != nil {
			return n.At
		}
		return table.Key
	}
	if s.IsZero() && table.Get("file") == nil && table.Get("host") == nil && table.Get("openwrt") == nil {
		r.fail(table.Key, `e.g. write = ["mmc write {address} {block} {count}"]`, "rescue.write is missing")
	}
	if !s.IsZero() && len(s.Read) == 0 {
		r.fail(table.Key, `e.g. read = ["mmc read {address} {block} {count}"]`, "rescue.read is missing: what was written is read back")
	}
	if !s.IsZero() && s.Line == "" && len(s.TFTP) == 0 {
		r.fail(table.Key, `e.g. line = "loady {address} {baud}"`, "rescue: line or tftp, one must say how it loads")
	}
	for _, number := range []struct {
		key       string
		value     int64
		low, high int64
	}{{"stop_every", int64(s.StopEvery), 1, 10_000}, {"baud", int64(s.Baud), 50, 20_000_000}, {"port", int64(s.Port), 1, 65535},
		{"block", s.Block, 1, 16 << 20}, {"piece", s.Piece, s.Block, 1 << 30}} {
		if number.value < number.low || number.value > number.high {
			r.fail(at(number.key), "", "rescue.%s: want %d to %d", number.key, number.low, number.high)
		}
	}
	for i, baud := range s.Fast {
		if baud < 50 || baud > 20_000_000 {
			r.fail(table.Get("fast").Item(i).At, "", "rescue.fast: %d is no speed", baud)
		}
	}
	if s.Block > 0 && (s.Block%4 != 0 || s.Piece%s.Block != 0) {
		r.fail(at("block"), "", "rescue.block: want a multiple of 4, and piece a multiple of that")
	}
	if s.Block > 0 && s.Start%s.Block != 0 {
		r.fail(at("start"), "", "rescue.start: want a multiple of block, %d", s.Block)
	}
	if (s.Identify == "") != (s.Identity == "") {
		r.fail(at("identify"), "give both or neither", "rescue: identify and identity belong together")
	}
	for _, key := range []string{"found", "sum_says"} {
		text := map[string]string{"found": s.Found, "sum_says": s.SumSays}[key]
		if re, err := regexp.Compile(text); err != nil {
			r.fail(at(key), "", "rescue.%s: %v", key, err)
		} else if key == "sum_says" && re.NumSubexp() != 1 {
			r.fail(at(key), `e.g. "==> ([0-9a-f]{8})"`, "rescue.sum_says: want one group, the sum")
		}
	}
	r.checkCommands(table, s)
	r.checkAddresses(at, s)
}

// checkCommands wants in each command what it cannot do without, and no braces that mean nothing.
func (r *reader) checkCommands(table *syntax.Node, s Rescue) {
	for _, c := range []struct {
		key      string
		commands []string
		needs    []string
	}{
		{"write", s.Write, []string{"address"}}, {"read", s.Read, []string{"address"}}, {"clear", []string{s.Clear}, []string{"address"}},
		{"sum", []string{s.Sum}, []string{"address", "bytes"}}, {"line", []string{s.Line}, []string{"address"}}, {"tftp", s.TFTP, []string{"address"}},
		{"prepare", s.Prepare, nil}, {"boot", []string{s.Boot}, nil}, {"identify", []string{s.Identify}, nil},
	} {
		n := table.Get(c.key)
		if n == nil || n.Bad || len(c.commands) == 0 {
			continue
		}
		all := strings.Join(c.commands, "\n")
		for _, found := range place.FindAllStringSubmatch(all, -1) {
			if !slices.Contains(places, found[1]) {
				r.fail(n.At, "there are {"+strings.Join(places, "}, {")+"}", "rescue.%s: {%s} means nothing", c.key, found[1])
			}
		}
		for _, need := range c.needs {
			if !strings.Contains(all, "{"+need+"}") {
				r.fail(n.At, "", "rescue.%s: {%s} is missing", c.key, need)
			}
		}
		for _, command := range c.commands {
			if strings.Trim(command, printing) != "" {
				r.fail(n.At, "", "rescue.%s: a command is one line of ASCII", c.key)
			}
		}
	}
}

// printing are ASCII's characters that are seen, and the blank.
var printing = func() string {
	var b []byte
	for c := byte(' '); c < 0x7f; c++ {
		b = append(b, c)
	}
	return string(b)
}()

func (r *reader) checkAddresses(at func(string) int, s Rescue) {
	host, hostErr := netip.ParsePrefix(s.Host)
	if s.Host != "" && (hostErr != nil || !host.Addr().Is4()) {
		r.fail(at("host"), "e.g. 192.168.1.10/24", "rescue.host: %q is no IPv4 address with a prefix", s.Host)
	}
	board, boardErr := netip.ParseAddr(s.Board)
	switch {
	case s.Board == "":
	case boardErr != nil || !board.Is4():
		r.fail(at("board"), "e.g. 192.168.1.1", "rescue.board: %q is no IPv4 address", s.Board)
	case hostErr == nil && (!host.Contains(board) || host.Addr() == board):
		r.fail(at("board"), "", "rescue.board: want another address of %v than %v", host.Masked(), host.Addr())
	}
	if s.File != "" && !isFileName(s.File) {
		r.fail(at("file"), "", "rescue.file: %q is no name of a file", s.File)
	}
}

// isFileName accepts what boot loaders ask for.
func isFileName(name string) bool {
	return len(name) <= 120 && strings.Trim(name, printing) == "" && !strings.ContainsAny(name, " \"'\\;&|$")
}
