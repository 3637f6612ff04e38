package board

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"bantam/flashmap"
)

func TestEveryBoardLoads(t *testing.T) {
	if got := Names(); !slices.Contains(got, "pc") || !slices.Contains(got, "qemu-arm64") {
		t.Fatalf("Names() = %v, want pc and qemu-arm64 among them", got)
	}
	for _, name := range Names() {
		b, err := Load(name)
		if err != nil {
			t.Error(err)
		}
		if b.Name != name {
			t.Errorf("Load(%q).Name = %q", name, b.Name)
		}
		if sorted := slices.Sorted(slices.Values(b.Modules)); len(slices.Compact(sorted)) != len(b.Modules) {
			t.Errorf("board %s names a module twice", name)
		}
		if !strings.Contains(b.Cmdline, "panic=") {
			t.Errorf("board %s: a panic would halt it for ever: no panic= in %q", name, b.Cmdline)
		}
		if chip := areasOf(b); chip != "" && !strings.Contains(b.Cmdline, chip) {
			t.Errorf("board %s: the kernel knows other areas of its flash: no %s in %q", name, chip, b.Cmdline)
		}
		if !slices.Contains(strings.Fields(b.Cmdline), "quiet") {
			t.Errorf("board %s: the kernel's log would run over its consoles: no quiet in %q", name, b.Cmdline)
		}
	}
}

// areasOf is a router's table as Linux reads it (MTD_CMDLINE_PARTS), for mainline's device trees know less; "" if the board has no chip.
func areasOf(b Board) string {
	if b.Boot != UImage || b.Flash.IsZero() {
		return ""
	}
	text, end := "mtdparts=spi0.0:", int64(0)
	for _, a := range b.Flash.Areas {
		if a.Offset != end || a.Size%1024 != 0 {
			return "areas without gaps, of whole KiB"
		}
		end = a.End()
		text += fmt.Sprintf("%dk(%s)", a.Size/1024, a.Name)
		if a.Use == flashmap.Loader || a.Use == flashmap.Environment || a.Use == flashmap.Factory {
			text += "ro"
		}
		text += ","
	}
	return strings.TrimSuffix(text, ",")
}

func TestBadBoardsAreRefused(t *testing.T) {
	read := func(name string) string {
		text, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	pc, card, malta, router := read("pc.toml"), read("orangepi-pc.toml"), read("qemu-malta.toml"), read("gnubee-pc1.toml")
	fit, overlays, tplink := read("bananapi-r64.toml"), read("bananapi-r3.toml"), read("dpt-module.toml")
	change := func(text, from, to string) string {
		if !strings.Contains(text, from) {
			t.Fatalf("no %q in the board to change", from)
		}
		return strings.Replace(text, from, to, 1)
	}
	for _, test := range []struct {
		name, board, text string
		want              []string
	}{
		{"an unknown board lists those there are", "toaster", "", []string{`no board "toaster"; there are mine`}},
		{"a slip is told", "mien", "", []string{`did you mean "mine"?`}},
		{"a path is not a board", "../mine", "", []string{`no board "../mine"`}},
		{"a board that is too small is refused with the reason", "TL-MR3020", "", []string{"TL-MR3020 is not supported", "4 MB of flash"}},
		{"by any of its names", "mr3020", "", []string{"mr3020 is not supported", "4 MB of flash"}},
		{"an unknown key is named where it is", "mine", "colour = 1\n" + pc, []string{"mine.toml:1:1: unknown key colour"}},
		{"also in a table, with what was meant", "mine", change(card, "offset ", "ofset "), []string{`unknown key u_boot.program[0].ofset`, `did you mean "offset"?`}},
		{"a value of another type", "mine", change(pc, "image_limit    = 1_000_000_000", "image_limit = \"1 GB\""),
			[]string{"mine.toml:8:15: image_limit: expected an integer, found a string"}},
		{"an unknown way to boot lists the known ones", "mine", change(pc, `"hybrid"`, `"hybird"`), []string{`boot: "hybird" is none of hybrid, efi-grub, u-boot`, `did you mean "hybrid"?`}},
		{"all that is missing is named at once", "mine", "arch = \"amd64\"", []string{"description is missing", "image_limit is missing", "modules is missing"}},
		{"a virtual machine is whole or none", "mine", change(pc, "memory  = 512", ""), []string{"qemu.memory is missing"}},
		{"U-Boot is a file on the host", "mine", change(pc, `"hybrid"`, `"u-boot"`), []string{"mine.toml:", "qemu.u_boot is missing"}},
		{"broken TOML says where", "mine", "arch = ", []string{"mine.toml:1:"}},
		{"Debian's architecture is the same as Go's", "mine", change(card, `"armhf"`, `"armel"`), []string{`Debian calls arm armhf; write "armhf"`}},
		{"what a boot ROM starts lies clear of the table", "mine", change(card, "= 8192", "= 512"), []string{"offset 512: want a multiple of 512 that leaves the first 1024 bytes"}},
		{"and in its area", "mine", change(card, "= 8192", "= 2_097_152"), []string{"offset 2097152 is behind what area leaves"}},
		{"which must be there", "mine", change(card, "area      = 2_097_152", ""), []string{"u_boot.area is missing: a program at byte 8192"}},
		{"a program is of a package", "mine", change(card, `package  = "u-boot-sunxi"`, ""), []string{"package and path are both wanted"}},
		{"inside it", "mine", change(card, `"usr/lib`, `"../lib`), []string{`is no path in a package`}},
		{"a kernel needs room", "mine", change(card, "0x4780_0000", "0x4390_0000"), []string{"the kernel at 0x43800000 reaches over the initrd at 0x43900000"}},
		{"a device tree is one", "mine", change(card, "orangepi-pc.dtb", "orangepi-pc.dts"), []string{`device_trees: "sun8i-h3-orangepi-pc.dts" is no device tree`}},
		{"only U-Boot goes by one", "mine", change(card, `"u-boot"`, `"efi-grub"`), []string{"device_trees: only U-Boot's script goes by it"}},
		{"a PC has no U-Boot", "mine", pc + "[u_boot]\narea = 1_048_576\n", []string{"u_boot: a PC does not start by U-Boot"}},
		{"an LED is one of the kernel's", "mine", pc + "[leds]\nstatus = \"../x\"\n", []string{`leds.status: "../x" is no LED; as /sys/class/leds has it`}},
		{"two LEDs are two", "mine", pc + "[leds]\nstatus = \"a\"\nfault = \"a\"\n", []string{`leds.fault: "a" is the status LED; remove it`}},
		{"a reset button is a key", "mine", pc + "[buttons]\nreset = \"KEY_RESTRAT\"\n", []string{`buttons.reset: "KEY_RESTRAT" is no key of a button; did you mean "KEY_RESTART"?`}},
		{"of those that buttons have", "mine", pc + "[buttons]\nreset = \"\"\n", []string{`buttons.reset: "" is no key of a button; it may be BTN_0, `}},
		{"LEDs are a table", "mine", "leds = [\"a\"]\n" + pc, []string{"mine.toml:1:8: leds: expected a table"}},
		{"too little memory", "mine", change(card, "memory         = 1024", "memory = 32"), []string{"memory: 32 MiB are too few"}},
		{"too little flash", "mine", change(card, "1_000_000_000", "4_000_000"), []string{"image_limit: 4000000 bytes are too few"}},
		{"a name that is none for FAT", "mine", card + "\n[[u_boot.file]]\ntext = \"x\"\nname = \"config.text\"\n", []string{`"config.text" is no name for FAT`}},
		{"the script is ours", "mine", card + "\n[[u_boot.file]]\ntext = \"x\"\nname = \"BOOT.SCR\"\n", []string{"BOOT.SCR is the script"}},
		{"no tree that the board has not", "mine", card + "\n[[u_boot.file]]\ndevice_tree = \"x.dtb\"\nname = \"X.DTB\"\n", []string{`"x.dtb" is not among device_trees`}},
		{"a kernel is needed", "mine", change(card, `kernel_package = "linux-image-armmp"`, ""), []string{"kernel_package is missing"}},
		{"its source, too", "mine", change(malta, `build     = "linux-source-6.1"`, ""), []string{`kernel.build is missing; e.g. build = "linux-source-6.1"`}},
		{"which is a package", "mine", change(malta, `"linux-source-6.1"`, `"https://kernel.org/"`), []string{`kernel.build: "https://kernel.org/" is no package of Debian`}},
		{"and no list", "mine", change(malta, `"linux-source-6.1"`, `["linux-source-6.1"]`), []string{"kernel.build: expected a string"}},
		{"a name for --kernel", "mine", change(malta, "fragments", "name = \"Tiny One\"\nfragments"), []string{`kernel.name: want lower-case letters, digits and -, not "Tiny One"`}},
		{"a fragment that there is", "mine", change(malta, `"router"`, `"rooter"`), []string{`mine.toml:`, `kernel.fragments: no fragment "rooter"; did you mean "router"?`}},
		{"options are lines of a fragment", "mine", change(malta, "CONFIG_PCI=y ", "PCI=y "), []string{`kernel.options, line 5: "PCI=y" is no option`}},
		{"no loader where nothing starts one", "mine", malta + "[u_boot]\narea = 1_048_576\n", []string{"u_boot: the medium brings no boot loader; remove it"}},
		{"flash is whole", "mine", change(malta, "erase_block = 65_536", ""), []string{"mine.toml:", "flash.erase_block: 0 bytes are no erase block"}},
		{"areas do not overlap", "mine", change(malta, "offset = 0x5_0000", "offset = 0x4_0000"), []string{"mine.toml:69:10: flash.area firmware: it begins at 0x40000, and factory before it ends at 0x50000"}},
		{"firmware is somewhere", "mine", change(malta, `"firmware"
offset = 0x5_0000
size   = 0xA0_0000
use    = "firmware"`, `"firmware"
offset = 0x5_0000
size   = 0xA0_0000
use    = "loader"`), []string{"flash.area: no area is for the firmware"}},
		{"an area is for what is known", "mine", change(malta, `use    = "factory"`, `use    = "art"`), []string{`use: "art" is none of these; it may be loader, environment, factory`}},
		{"keys of areas, too", "mine", change(malta, `use    = "factory"`, `uses   = "factory"`), []string{`unknown key flash.area[2].uses; did you mean "use"?`}},
		{"a boot loader's commands have places that there are", "mine", card + "\n[rescue]\nwrite = [\"mmc write {adress}\"]\nread = [\"mmc read {address}\"]\nline = \"loady {address}\"\n",
			[]string{"rescue.write: {adress} means nothing; there are {address}, ", "rescue.write: {address} is missing"}},
		{"what is written is read back", "mine", card + "\n[rescue]\nwrite = [\"mmc write {address}\"]\nline = \"loady {address}\"\n", []string{"rescue.read is missing: what was written is read back; e.g. read = "}},
		{"and loaded somehow", "mine", card + "\n[rescue]\nwrite = [\"w {address}\"]\nread = [\"r {address}\"]\n", []string{"rescue: line or tftp, one must say how it loads"}},
		{"an expression is one", "mine", card + "\n[rescue]\nhost = \"192.168.1.10/24\"\nfound = \"(\"\nsum_says = \"x\"\n", []string{"mine.toml:", "rescue.found: error parsing regexp", "rescue.sum_says: want one group, the sum"}},
		{"addresses of one network", "mine", card + "\n[rescue]\nhost = \"192.168.1.10/24\"\nboard = \"192.168.2.1\"\n", []string{"rescue.board: want another address of 192.168.1.0/24 than 192.168.1.10"}},
		{"an address that is none", "mine", card + "\n[rescue]\nhost = \"192.168.1.10\"\nfile = \"a b\"\n", []string{`rescue.host: "192.168.1.10" is no IPv4 address with a prefix`, `rescue.file: "a b" is no name of a file`}},
		{"numbers in their bounds", "mine", card + "\n[rescue]\nhost = \"192.168.1.10/24\"\nbaud = 7\nfast = [3]\nblock = 6\nstart = 8\nport = 70_000\n", []string{"rescue.start: want a multiple of block, 6", "rescue.baud: want 50 to 20000000", "rescue.fast: 3 is no speed", "rescue.block: want a multiple of 4", "rescue.port: want 1 to 65535"}},
		{"a board is told by both", "mine", card + "\n[rescue]\nhost = \"192.168.1.10/24\"\nidentify = \"x\"\n", []string{"rescue: identify and identity belong together; give both or neither"}},
		{"a maker's U-Boot undoes something", "mine", change(router, "[uimage]\ncompression = \"lzma\"\n", ""), []string{"uimage.compression is missing", `compression = "none"`}},
		{"that is known", "mine", change(router, `"lzma"`, `"lzms"`), []string{`compression: "lzms" is none of none, lzma; did you mean "lzma"?`}},
		{"TP-Link's header has a number", "mine", change(tplink, "tplink_id   = 0xD000_0101", "tplink_id = 0"), []string{"uimage.tplink_id: 0 is not from 1 to 0xffffffff"}},
		{"of 32 bits", "mine", change(tplink, "tplink_rev  = 1", "tplink_rev = 0x1_0000_0000"), []string{"uimage.tplink_rev: 4294967296 is not from 0 to 0xffffffff"}},
		{"which are two", "mine", change(tplink, "tplink_rev  = 1\n", ""), []string{"uimage.tplink_rev is missing; tplink_rev = 1"}},
		{"a revision is of a hardware", "mine", change(tplink, "tplink_id   = 0xD000_0101\n", ""), []string{"uimage.tplink_id is missing"}},
		{"behind that header is LZMA", "mine", change(tplink, `"lzma"`, `"none"`), []string{"uimage: a U-Boot that takes TP-Link's header undoes LZMA"}},
		{"in an area of flash", "mine", change(router, "[kernel]", "tplink_id = 1\ntplink_rev = 1\n[kernel]")[:strings.Index(router, "[flash]")], []string{"uimage: TP-Link's header says how large the area of the firmware is; add [flash]"}},
		{"what is added to a tree is added to one", "mine", change(malta, "fragments", "trees = \"&eth0 { };\"\nfragments"), []string{"kernel.trees: there is no device tree"}},
		{"a uimage has one device tree", "mine", change(router, `pc1.dtb"]`, `pc1.dtb", "b.dtb"]`), []string{"device_trees: a uimage has one, not 2"}},
		{"and none is too few", "mine", change(router, `device_trees = ["ralink/mt7621-gnubee-gb-pc1.dtb"]`, ""), []string{"device_trees is missing: a uimage has one"}},
		{"no uimage on a card", "mine", card + "\n[uimage]\ncompression = \"none\"\n", []string{"uimage: the board does not start from one"}},
		{"no U-Boot for one that has its own", "mine", router + "\n[u_boot]\narea = 1_048_576\n", []string{"u_boot: the maker's is in flash"}},
		{"a uimage is for MIPS", "mine", change(change(router, `"mipsle"`, `"arm"`), `"mipsel"`, `"armhf"`), []string{"not that for arm"}},
		{"a FIT image says where the kernel comes to lie", "mine", change(fit, "[fit]\nkernel_at = 0x4400_0000", ""), []string{"fit.kernel_at is missing"}},
		{"where one may begin", "mine", change(fit, "0x4400_0000", "0x4410_0000"), []string{"a multiple of 2 MiB, not at 0x44100000"}},
		{"it has a device tree", "mine", change(fit, `device_trees   = ["mediatek/mt7622-bananapi-bpi-r64.dtb"]`, ""), []string{"device_trees is missing: a FIT image has at least one"}},
		{"a FIT image is for arm64", "mine", change(change(fit, `arch           = "arm64"`, `arch = "arm"`), `"arm64"`, `"armhf"`), []string{"for arm64 alone, not for arm"}},
		{"an overlay is laid over a tree at a place", "mine", change(overlays, "tree_at       = 0x43f0_0000\n", ""), []string{"fit.tree_at is missing", "e.g. tree_at = 0x43f0_0000"}},
		{"where one may begin", "mine", change(overlays, "0x43f0_0000", "0x43f0_0004"), []string{"a multiple of 8, not at 0x43f00004"}},
		{"over one that there is", "mine", change(overlays, `"mediatek/mt7986a-bananapi-bpi-r3.dtb",`, ""), []string{`"mediatek/mt7986a-bananapi-bpi-r3-nand.dtbo" is laid over another tree`}},
		{"in a FIT image", "mine", change(card, `"sun8i-h3-orangepi-pc.dtb"`, `"sun8i-h3-orangepi-pc.dtb", "a.dtbo"`), []string{`"a.dtbo" is laid over another tree, which a FIT image has before it`}},
		{"overlays are the board's", "mine", change(overlays, `overlays      = ["mediatek/mt7986a-bananapi-bpi-r3-nand.dtbo"`, `overlays = ["nand.dtbo"`), []string{`fit.overlays: "nand.dtbo" is none of the board's overlays`}},
		{"no FIT image on a card", "mine", card + "\n[fit]\nkernel_at = 0x4400_0000\n", []string{"fit: the board does not start from one"}},
		{"an image fits its volume", "mine", change(fit, "= 64_000_000", "= 134_000_000"), []string{"image_limit: an image of 134000000 bytes reaches over its UBI in area ubi of "}},
		{"an image fits its area", "mine", change(router, "= 16_000_000", "= 17_000_000"), []string{"image_limit: an image of 17000000 bytes reaches over its area firmware of 16777216; at most 16777216"}},
		{"Debian's name of MIPS", "mine", change(malta, `"mipsel"`, `"mips"`), []string{`Debian calls mipsle mipsel`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(fstest.MapFS{"mine.toml": {Data: []byte(test.text)}}, test.board)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestABoardMayBeAFileOfOnesOwn(t *testing.T) {
	text, err := files.ReadFile("orangepi-pc.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "my-board.toml"), filepath.Join(dir, "My Board.toml")
	for _, path := range []string{good, bad} {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := Load(good); err != nil || b.Name != "my-board" || b.Arch != "arm" {
		t.Errorf("got %+v, %v", b, err)
	}
	var faults *BadFile
	if _, err := Load(bad); !errors.As(err, &faults) || !strings.HasPrefix(err.Error(), bad+":1:1: \"My Board\" is no name of a board") {
		t.Errorf("a bad name: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "none.toml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Load(dir + ".toml/"); err == nil {
		t.Error("a folder is a board")
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range Names() {
		text, err := files.ReadFile(name + ".toml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("[u_boot]\nprogram = [{offset = -1}, 3]\n[[u_boot.file]]\n"))
	f.Add([]byte("[qemu]\nbinary = 'x'\nu_boot = {}\nboot = \"u-boot\""))
	f.Add([]byte("debian_arch = 3\narch = \"arm\"\nu_boot = 1\ndevice_trees = [1]\nboot = \"u-boot\""))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, problems := Parse("x.toml", "x", text)
		for _, p := range problems {
			if p.Line < 1 || p.Col < 1 || p.Message == "" {
				t.Errorf("%+v", p)
			}
		}
	})
}

// The page about boards walks through one; it is one.
func TestTheBoardOfTheDocumentationIsOne(t *testing.T) {
	page, err := os.ReadFile("../docs/boards.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```toml\n")
	text, _, ended := strings.Cut(rest, "```")
	b, problems := Parse("boards.md", "mine", []byte(text))
	if !ended || len(problems) > 0 {
		t.Fatalf("%v", problems)
	}
	whole, err := Load("orangepi-pc")
	if err != nil {
		t.Fatal(err)
	}
	if b.Arch != whole.Arch || !reflect.DeepEqual(b.Loader, whole.Loader) || !slices.Equal(b.DeviceTrees, whole.DeviceTrees) || b.Cmdline != whole.Cmdline {
		t.Errorf("it says\n%+v\nand orangepi-pc\n%+v", b, whole)
	}
	// Every key is explained there.
	for _, key := range keysOf(reflect.TypeFor[Board]()) {
		if !regexp.MustCompile("`" + key + "`|" + key + ` += |\[\[?[a-z_]*\.?` + key + `\]`).MatchString(string(page)) {
			t.Errorf("docs/boards.md does not name the key %s", key)
		}
	}
}

// keysOf lists the keys of a table and of those below it, but for what only QEMU needs.
func keysOf(t reflect.Type) (keys []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("toml")
		if key != "" && key != "-" {
			keys = append(keys, key)
		}
		of := f.Type
		if of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() == reflect.Struct && key != "qemu" {
			keys = append(keys, keysOf(of)...)
		}
	}
	return keys
}

// Every board that is too small says so under the names that people have for it.
func TestBoardsThatAreTooSmallSayWhy(t *testing.T) {
	for _, name := range []string{
		"tl-mr3020", "TL-MR3020", "mr3020", "TL-MR3220", "tl-mr3420", "TL-WA901ND", "tl_wr703n", "TL-WR740N", "TL-WR741ND", "TL-WR841N", "TL-WR841ND",
		"TL-WR842ND", "tl-wr1043nd", "DIR-300", "dir-600", "WRT54G", "wrt54gl",
	} {
		_, err := Load(name)
		if err == nil || !strings.Contains(err.Error(), name+" is not supported: ") || !strings.Contains(err.Error(), " MB of memory") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range Names() {
		if why := Refused(name); why != "" {
			t.Errorf("%s is a board of ours, and refused: %s", name, why)
		}
	}
}
