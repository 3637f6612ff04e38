package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/board"
	"bantam/images/kernelbuild"
)

func TestKernelConfigWantsABoardWithAKernelOfItsOwn(t *testing.T) {
	for _, args := range [][]string{{"kernel"}, {"kernel", "config"}, {"kernel", "build", "qemu-malta"}, {"kernel", "config", "qemu-malta", "pc"}} {
		bantam("", args...).expect(t, exitUsage, "", "usage: bantam kernel [flags] config BOARD")
	}
	bantam("", "kernel", "config", "rock64").expect(t, exitFault, "", "no kernel is built for board rock64: it has linux-image-arm64")
	bantam("", "kernel", "config", "qemu-matla").expect(t, exitUsage, "", `did you mean "qemu-malta"?`)
	text, err := os.ReadFile("../../board/qemu-malta.toml")
	if err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(t.TempDir(), "mine.toml")
	if err := os.WriteFile(mine, []byte(strings.Replace(string(text), `"flash"`, `"falsh"`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	bantam("", "kernel", "config", mine).expect(t, exitFault, "", `kernel.fragments: no fragment "falsh"; did you mean "flash"?`)
}

func TestAMissingCompilerIsNamedWithItsPackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	r := bantam("", "kernel", "config", "qemu-malta")
	r.expect(t, exitFault, "", "missing on this host: mipsel-linux-gnu-gcc, gcc, ")
	r.expect(t, exitFault, "", "as root: apt-get install gcc-mipsel-linux-gnu gcc ")
}

func TestKernelConfigSaysWhatIsAskedForAndWhatFollows(t *testing.T) {
	c := kernelbuild.Comparison{
		Source:   "linux-source-6.1 6.1.153-1",
		Defaults: kernelbuild.Config{"CONFIG_USUAL": "y", "CONFIG_LEFT": "y", "CONFIG_GONE": "y"},
		Options: []board.Option{
			{Name: "CONFIG_NET", Value: "y", From: "net", Why: "the network"},
			{Name: "CONFIG_LEFT", Value: "n", From: "mine", Why: "too large"},
		},
		Result: kernelbuild.Config{"CONFIG_USUAL": "y", "CONFIG_NET": "y", "CONFIG_SELECTED": "m"},
	}
	const few = `mine: Linux of linux-source-6.1 6.1.153-1 for mipsle
net            is  default  why
  CONFIG_NET   y   n        the network
mine           is  default  why
  CONFIG_LEFT  n   y        too large
2 follow from these
`
	for all, want := range map[bool]string{false: few, true: few + "  CONFIG_GONE      n  y\n  CONFIG_SELECTED  m  n\n"} {
		var b strings.Builder
		if err := printKernel(&b, board.Board{Name: "mine", Arch: "mipsle"}, kernelReport(c), all); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("got\n%swant\n%s", b.String(), want)
		}
	}
}
