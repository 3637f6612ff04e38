package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// asProgram in the environment makes the tests' binary the host tool, for what needs a process of its own.
const asProgram = "BANTAM_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// result is what one command line gave.
type result struct {
	code        int
	out, errors string
}

func bantam(stdin string, args ...string) result {
	var out, errors bytes.Buffer
	code := run(args, strings.NewReader(stdin), &out, &errors)
	return result{code, out.String(), errors.String()}
}

// expect checks the exit status and that each text is part of an output; empty wants it empty.
func (r result) expect(t *testing.T, code int, out, errors string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit status %d, want %d", r.code, code)
	}
	for _, c := range []struct{ name, got, want string }{{"stdout", r.out, out}, {"stderr", r.errors, errors}} {
		if !strings.Contains(c.got, c.want) || c.want == "" && c.got != "" {
			t.Errorf("%s is %q, want it to say %q", c.name, c.got, c.want)
		}
	}
}

const pcListed = `pc: 64-bit PC, BIOS or UEFI, from disk, USB stick or CD
  kernel    linux-image-amd64, amd64
  kernel    tiny, built from linux-source-6.1, amd64
  img       GRUB by BIOS and UEFI: boot slots A and B, 3 tries of a new kernel, then the old one
  iso       isolinux by BIOS, a unified kernel image by UEFI: one kernel, the image's
  netboot   iPXE, or what else the network starts: one kernel, the image's
`

func TestCommandLine(t *testing.T) {
	for _, test := range []struct {
		name   string
		args   []string
		code   int
		out    string
		errors string
	}{
		{"nothing at all lists the verbs", nil, exitUsage, "", "bantam build SYSTEM.toml"},
		{"an unknown verb lists the known ones", []string{"bake"}, exitUsage, "", `no verb "bake"; there are boards, build, check, console, deploy, flash, kernel, keygen, package, password, push, run, sbom, sign, size, vendor, version, why, help`},
		{"a misspelt verb", []string{"biuld"}, exitUsage, "", `no verb "biuld"; did you mean "build"?`},
		{"help of a misspelt verb", []string{"help", "chekc"}, exitUsage, "", `did you mean "check"?`},
		{"the version", []string{"version"}, exitOK, "bantam unknown\n", ""},
		{"the version as everywhere", []string{"--version"}, exitOK, "bantam unknown\n", ""},
		{"the version of what?", []string{"version", "x"}, exitUsage, "", "it takes no arguments"},
		{"help lists the verbs", []string{"help"}, exitOK, "bantam check SYSTEM.toml...", ""},
		{"as everywhere", []string{"--help"}, exitOK, "Exit status: 0 done", ""},
		{"help of a verb lists its flags", []string{"help", "build"}, exitOK, "--kernel PACKAGE", ""},
		{"help of a flag whose default is 0", []string{"help", "run"}, exitOK, "(default: what the board names)\n", ""},
		{"help of a flag whose default is a value", []string{"help", "size"}, exitOK, "0 is all (default: 12)\n", ""},
		{"a verb helps too", []string{"build", "-h"}, exitOK, "--kernel PACKAGE", ""},
		{"help of nothing known", []string{"help", "bake"}, exitUsage, "", `no verb "bake"`},
		{"help of too much", []string{"help", "build", "run"}, exitUsage, "", "one verb at a time"},
		{"an unknown flag", []string{"check", "--colour", "x"}, exitUsage, "", "flag provided but not defined: -colour\nusage: bantam check"},
		{"a flag without its value", []string{"size", "--board"}, exitUsage, "", "flag needs an argument"},
		{"check of nothing", []string{"check"}, exitUsage, "", "which file?"},
		{"build of nothing", []string{"build"}, exitUsage, "", "want one SYSTEM.toml, got 0 arguments"},
		{"build of two", []string{"build", "a", "b"}, exitUsage, "", "want one SYSTEM.toml, got 2 arguments"},
		{"build for no board there is", []string{"build", "--board", "toaster", "x"}, exitUsage, "", `no board "toaster"; there are bananapi-m2-ultra, `},
		{"an ISO for a board that has none", []string{"build", "x", "--board", "qemu-arm64", "--iso"}, exitUsage, "", "board qemu-arm64 has no --iso, only img"},
		{"a kernel from two places", []string{"build", "-", "--kernel", "a", "--kernel-files", "b"}, exitUsage, "", "exclude each other"},
		{"an update in a build that must not change", []string{"build", "x.toml", "--update", "--locked"}, exitUsage, "", "--update and --locked exclude each other"},
		{"an update without network", []string{"build", "x.toml", "--update", "--vendor", "v"}, exitUsage, "", "--update and --vendor exclude each other"},
		{"a locked build of standard input", []string{"build", "-", "--locked"}, exitUsage, "", "name one with --lock FILE"},
		{"an update of a package without a file", []string{"build", "--update", "isolinux", "syslinux"}, exitUsage, "", "want one SYSTEM.toml, got 0 arguments"},
		{"build of a file that is not there", []string{"build", "/nonexistent.toml"}, exitFault, "", "open /nonexistent.toml"},
		{"why of nothing", []string{"why"}, exitUsage, "", "want one PATH, got 0 arguments"},
		{"why before any build says what to do", []string{"why", "--store", "/nonexistent", "x"}, exitFault, "", "make one: bantam build --board pc SYSTEM.toml"},
		{"a board that there is not", []string{"boards", "toaster"}, exitUsage, "", `no board "toaster"; there are bananapi-m2-ultra, `},
		{"a board's images and how each starts a kernel", []string{"boards", "pc"}, exitOK, pcListed, ""},
		{"all boards", []string{"boards"}, exitOK, "\npc                   amd64   disk               A B    3      QEMU  64-bit PC, BIOS or UEFI, from disk, USB stick or CD\n", ""},
		{"a board that nobody has seen", []string{"boards"}, exitOK, "A B    3      -     Lamobo R1", ""},
		{"a board's notes", []string{"boards", "orangepi-pc"}, exitOK, "Serial line: ", ""},
		{"a board that is too small", []string{"boards", "tl-mr3020"}, exitUsage, "", "board tl-mr3020 is not supported: TP-Link's TL-MR3020 has 4 MB of flash"},
		{"building for it", []string{"build", "--board", "TL-MR3020", "x.toml"}, exitUsage, "", "32 or 64 MB of memory"},
		{"a board's file that is not there", []string{"boards", "/nonexistent.toml"}, exitFault, "", "/nonexistent.toml: no such file"},
		{"a network boot of a card", []string{"build", "--board", "orangepi-pc", "--netboot", "x.toml"}, exitUsage, "", "its loader starts what is on the SD card alone"},
		{"a board that U-Boot starts", []string{"boards", "qemu-arm64-uboot"}, exitOK, "\n  img       U-Boot: boot slots A and B, 3 tries of a new kernel, then the old one\n", ""},
		{"a board that is reached through its boot loader", []string{"boards", "qemu-arm64-uboot"}, exitOK, "\n  rescue    bantam flash --serial, or --serial --tftp\n", ""},
		{"a board of each loader", []string{"boards", "qemu-arm64", "qemu-arm64-uboot"}, exitOK, "img       U-Boot: boot slots A and B, 3 tries", ""},
		{"boards for programs", []string{"boards", "--json", "pc"}, exitOK, "\"slots\": [\n\t\t\t\t\t\"A\",\n\t\t\t\t\t\"B\"\n\t\t\t\t],\n\t\t\t\t\"tries\": 3", ""},
		{"size takes nothing", []string{"size", "x"}, exitUsage, "", "it takes no arguments"},
		{"size for no board there is", []string{"size", "--board", "toaster"}, exitUsage, "", `no board "toaster"`},
		{"size before any build says what to do", []string{"size", "--store", "/nonexistent"}, exitFault, "", "make one: bantam build --board pc SYSTEM.toml"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bantam("", test.args...).expect(t, test.code, test.out, test.errors)
		})
	}
}

func TestEveryVerbHasHelp(t *testing.T) {
	for _, v := range verbs {
		r := bantam("", "help", v.name)
		r.expect(t, exitOK, "bantam "+v.name, "")
		if v.summary == "" || !strings.Contains(r.out, v.summary) {
			t.Errorf("%s has no summary", v.name)
		}
	}
}

func TestMissingToolsAreNamedWithTheirPackages(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	r := bantam("", "build", "-")
	r.expect(t, exitFault, "", "missing on this host: apt-get, dpkg-deb, xz, zstd")
	r.expect(t, exitFault, "", "as root: apt-get install apt dpkg xz-utils zstd")
	bantam("", "size", "--store", "x").expect(t, exitFault, "", "apt-get install xz-utils")
}
