package test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bantam/board"
	"bantam/test/vm"
)

// typing presses keys all the time until stop is called, as somebody does who has just pressed the reset button.
func (c *console) typing(keys string) (stop func()) {
	return c.meanwhile(150*time.Millisecond, func() { c.Send(keys) })
}

// meanwhile does something again and again until stop is called, or the test is over.
func (c *console) meanwhile(pause time.Duration, do func()) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case <-time.After(pause):
				do()
			}
		}
	}()
	stop = sync.OnceFunc(func() {
		close(end)
		<-ended
	})
	c.t.Cleanup(stop)
	return stop
}

// menu waits for the boot menu, while somebody presses a key if one is given.
func (c *console) menu(why, key string) {
	c.t.Helper()
	if key != "" {
		defer c.typing(key)()
	}
	c.Expect(`\nBoot menu` + why + `\r\n`)
	c.Expect(`Esc: as usual\r\n`)
}

// letGo waits as long as keys that may have opened the menu do nothing.
func letGo() { time.Sleep(time.Second) }

// A boot that somebody wants to be another one, in every way that one can want it; the record stays as it is.
func TestBootMenu(t *testing.T) {
	out := build(t, "pc", "../examples/pc/system.toml")
	path := disk(t, filepath.Join(out, "pc.img"))
	c := start(t, pc(t, bios, "-drive", virtio(path)))
	c.settled()
	c.write("/state/gate.toml", gateText)
	c.Send("bantam switch /state/gate.toml\r")
	c.Expect("generation 2 runs and is the default")
	c.host = "gate"
	c.prompt()
	record := func() string { return c.run("sha256sum /state/record /state/boots | cut -c1-20") }
	before := record()
	unchanged := func() {
		t.Helper()
		if after := record(); after != before {
			t.Errorf("the record was\n%s\nand is\n%s", before, after)
		}
	}

	c.Reset()
	c.menu("", " ")
	letGo()
	c.Send("\x1b[A")
	c.Expect("to generation 2; Enter starts 1, good, this once")
	c.Send("\r")
	c.host = "bantam"
	c.booted()
	c.must("bantam status", "generation  1, good", "chose generation 1 at the boot menu, for this boot only")
	unchanged()

	// The same list later: until the next boot.
	c.Send("bantam menu\r")
	c.Expect("Esc: as it is")
	c.Send("2\r")
	c.Expect(`generation 2 runs until the next boot|generation 2 runs`)
	c.host = "gate"
	c.prompt()

	for range 3 {
		c.Reset()
		c.Expect(`Bantam .*, ttyS0\.`)
	}
	c.booted()
	before = record()
	c.Reset()
	c.menu(": 3 boots in a row ended too early", "")
	c.Expect(`s to generation 1; `)
	letGo()
	c.Send("2\r")
	c.booted()
	c.must("bantam status", "generation  2, good")
	unchanged()

	c.Reset()
	c.menu(": 3 boots in a row ended too early", "")
	letGo()
	c.Send("r\r")
	c.Expect("no generation runs")
	c.host = "bantam"
	c.booted()
	c.must("bantam generations", "2   good", "default")
	c.must("echo $BANTAM_RESCUE", "1\n")
	c.Send("exit\r")
	c.menu(": 3 boots in a row ended too early", "")
	letGo()
	c.Send("f\r")
	c.prompt() // this line has told its size to the rescue shell
	c.must("bantam status", "generation  1, good", "chose generation 1 at the boot menu")
	unchanged()

	c.Reset()
	c.menu(": 3 boots in a row ended too early", "")
	letGo()
	c.Send("r\r")
	c.Expect("no generation runs")
	c.booted()
	c.Send("reboot\r") // also while nothing is chosen
	c.menu(": 3 boots in a row ended too early", "")
	letGo()
	c.Send("\x1b")
	c.booted()
	c.must("bantam status", "generation  1, good", "generation 2 is passed over")
	c.settled()
	c.Send("poweroff\r")
	c.WaitEnd()
}

// A line that nobody sits at neither opens the menu nor chooses from it, and the kernel's word for it opens it on any line.
func TestBootMenuOnALineThatNobodySitsAt(t *testing.T) {
	out := build(t, "pc", "../examples/pc/system.toml")
	g, kernel, initrd := generation(t, filepath.Join(out, "store"))
	path := filepath.Join(t.TempDir(), "initrd")
	itself := archive(t, map[string]string{"manifest.json": string(g.Manifest()), "system.toml": string(read(t, "../examples/pc/system.toml"))})
	if err := os.WriteFile(path, append(initrd, itself...), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := board.Load("pc")
	if err != nil {
		t.Fatal(err)
	}
	boot := func(t *testing.T, words string) *console {
		return &console{Machine: vm.Start(t, pc(t, bios, "-kernel", kernel, "-initrd", path, "-append", b.Cmdline+words)...), t: t, host: "bantam"}
	}
	t.Run("noise", func(t *testing.T) {
		c := boot(t, "")
		stop := c.typing("\xff\xfe\x00 \x1b\xf8a\r\x00\x00")
		c.Expect(`Bantam .*, ttyS0\.`)
		stop()
		if strings.Contains(c.Screen(), "Boot menu") {
			t.Error("noise has opened the menu")
		}
	})
	t.Run("a loop-back plug", func(t *testing.T) {
		c := boot(t, " loglevel=7") // the kernel has much to say
		stop := c.loopsBack()
		c.Expect(`Bantam .*, ttyS0\.`)
		stop()
		if strings.Contains(c.Screen(), "Boot menu") {
			t.Error("a loop-back plug has opened the menu")
		}
	})
	t.Run("a loop-back plug, and bantam.menu", func(t *testing.T) {
		c := boot(t, " bantam.menu=7")
		stop := c.loopsBack()
		c.menu(": bantam.menu on the kernel command line", "")
		c.Expect(`starting what the image carries|starting generation 1`)
		c.Expect(`Bantam .*, ttyS0\.`)
		stop()
		if text := c.Screen(); strings.Contains(text, "chose generation") || strings.Contains(text, "rescue shell;") || !strings.Contains(text, "\r  1") {
			t.Error("a loop-back plug has chosen, or has cut the time short")
		}
	})
	t.Run("never", func(t *testing.T) {
		c := boot(t, " bantam.menu=0")
		stop := c.typing(" ")
		c.Expect(`Bantam .*, ttyS0\.`)
		stop()
		if strings.Contains(c.Screen(), "Boot menu") {
			t.Error("the menu is there although it is forbidden")
		}
	})
	t.Run("two consoles and a key", func(t *testing.T) {
		c := boot(t, " bantam.menu=300")
		c.menu(": bantam.menu on the kernel command line", "")
		c.Expect(`300 s to `)
		letGo()
		c.Send("\x1b")
		c.booted()
		c.must("dmesg | grep -c 'boot menu is shown'", "1\n")
	})
}

// loopsBack types what the line says, as it says it, until stop is called.
func (c *console) loopsBack() (stop func()) {
	sent := 0
	return c.meanwhile(5*time.Millisecond, func() {
		text := c.Screen()
		c.Send(text[sent:])
		sent = len(text)
	})
}
