package kernelbuild

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
)

// An arch is what Linux and Debian's compilers call one of Go's architectures.
type arch struct {
	linux  string // ARCH=
	folder string // below arch/, where that is another
	prefix string // of the compiler's programs, e.g. mipsel-linux-gnu-
	debian string // package of that compiler on other architectures
	target string // what make is asked for
	image  string // where it leaves that
}

var archs = map[string]arch{
	"amd64":  {"x86_64", "x86", "x86_64-linux-gnu-", "gcc-x86-64-linux-gnu", "bzImage", "arch/x86/boot/bzImage"},
	"arm64":  {"arm64", "arm64", "aarch64-linux-gnu-", "gcc-aarch64-linux-gnu", "Image", "arch/arm64/boot/Image"},
	"arm":    {"arm", "arm", "arm-linux-gnueabihf-", "gcc-arm-linux-gnueabihf", "zImage", "arch/arm/boot/zImage"},
	"mips":   {"mips", "mips", "mips-linux-gnu-", "gcc-mips-linux-gnu", "vmlinuz", "vmlinuz"},
	"mipsle": {"mips", "mips", "mipsel-linux-gnu-", "gcc-mipsel-linux-gnu", "vmlinuz", "vmlinuz"},
}

func (r Request) arch() arch { return archs[r.Board.Arch] }

// A Tool is a program of the host, or a file if its name is a path, and the Debian package that has it.
type Tool struct{ Program, Debian string }

// Tools are what builds a kernel for one of Go's architectures on this host.
func Tools(goarch string) []Tool {
	a := archs[goarch]
	if goarch == runtime.GOARCH {
		a.debian = "gcc"
	}
	tools := []Tool{
		{a.prefix + "gcc", a.debian},
		{"gcc", "gcc"}, {"/usr/include/stdio.h", "libc6-dev"}, // the build compiles programs that it calls itself
		{"make", "make"}, {"flex", "flex"}, {"bison", "bison"}, {"bc", "bc"}, {"tar", "tar"}, {"xz", "xz-utils"},
	}
	if goarch == "amd64" {
		tools = append(tools, Tool{"/usr/include/libelf.h", "libelf-dev"}) // for its objtool
	}
	return tools
}

// compiler is what compiler and linker say of themselves.
func (a arch) compiler(ctx context.Context) (string, error) {
	var said []string
	for _, program := range []string{a.prefix + "gcc", a.prefix + "ld"} {
		out, err := exec.CommandContext(ctx, program, "--version").Output()
		if err != nil {
			return "", fmt.Errorf("%s --version: %w", program, err)
		}
		first, _, _ := strings.Cut(string(out), "\n")
		said = append(said, first)
	}
	return strings.Join(said, "\n"), nil
}
