package test

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"bantam/editor/vt"
)

// eyes are an emulated terminal at the other end of the serial line: what it
// shows is what a person sees, and it answers what it is asked.
type eyes struct {
	*console
	vt   *vt.Terminal
	seen int // bytes of the line that the terminal has taken
}

// look puts a terminal of a kind and size on the line.
func (c *console) look(rows, cols int, level vt.Level) *eyes {
	e := &eyes{console: c, vt: vt.New(rows, cols, level), seen: len(c.Screen())}
	e.vt.Answer = func(b []byte) { c.Send(string(b)) }
	return e
}

// sees waits until the terminal shows what matches.
func (e *eyes) sees(pattern string) {
	e.t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	for range 600 {
		all := e.Screen()
		if len(all) > e.seen {
			e.vt.Write([]byte(all[e.seen:]))
			e.seen = len(all)
		}
		if re.MatchString(e.vt.Text()) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	e.t.Fatalf("the terminal does not show %q but\n%s", pattern, e.vt.Text())
}

// types at the pace of a line of 9600 baud.
func (e *eyes) types(keys ...string) {
	e.t.Helper()
	for _, k := range keys {
		e.SendSlow(k, 9600)
	}
}

// fits fails when something was sent that the terminal does not know. The mode
// that marks pastes is passed over by those that do not have it.
func (e *eyes) fits() {
	e.t.Helper()
	for _, fault := range e.vt.Faults() {
		if !strings.HasSuffix(fault, "does not know mode ? 2004") {
			e.t.Errorf("on the line: %s", fault)
		}
	}
}

// The editor over the serial line at 9600 baud, seen through a terminal.
func TestEditorOnASlowLine(t *testing.T) {
	out := build(t, "pc", "../examples/pc/system.toml")
	c := start(t, pc(t, bios, "-drive", virtio(disk(t, filepath.Join(out, "pc.img")))))
	c.settled()
	c.run("mkdir /state/work; cd /state/work")
	c.host = "bantam" // the prompt shows the folder; its pattern takes any
	c.run("stty 9600")
	c.run("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do echo \"line $i = 'text'\"; done > list")

	// Search, change, undo, save, leave; arrows that arrive in pieces.
	e := c.look(24, 80, vt.VT102)
	e.types("edit list:3" + enter)
	e.sees(`\^S Save`)
	e.sees(`^line 22 = 'text'$`)
	before := len(c.Screen())
	for _, piece := range []string{"\x1b", "[", "B"} {
		c.Send(piece)
		time.Sleep(120 * time.Millisecond)
	}
	e.types(end, " # four")
	e.sees(`^line 4 = 'text' # four$`)
	e.types(find, "LINE 28", "\x15", "line 28", enter, end, "x")
	e.sees(`^line 28 = 'text'x$`)
	e.types(undo)
	e.sees(`^line 28 = 'text'$`)
	e.types(save)
	e.sees(`^Saved`)
	if sent := len(c.Screen()) - before; sent > 1500 {
		t.Errorf("a small change cost %d bytes", sent)
	}
	e.types("\x07") // the menu has everything
	e.sees(`^c     copy line`)
	e.types("t2"+enter, "\x07x")
	c.prompt()
	e.fits()
	c.must("sed -n '4p;28p' list", "line 4 = 'text' # four\nline 28 = 'text'\n")

	// 50 KB pasted at once lose no byte.
	var text strings.Builder
	for i := 0; text.Len() < 50_000; i++ {
		fmt.Fprintf(&text, "key%d = \"value\"\t# \u00e4 \u4e16\n", i)
	}
	e = c.look(24, 80, vt.XTerm)
	e.types("edit pasted" + enter)
	e.sees(`A new file`)
	c.Send("\x1b[200~" + strings.ReplaceAll(text.String(), "\n", "\r") + "\x1b[201~")
	e.sees(`^pasted \d+:1 \*`)
	e.types(save)
	e.sees(`^Saved`)
	e.types(quit)
	c.prompt()
	c.must("sha256sum pasted", fmt.Sprintf("%x", sha256.Sum256([]byte(text.String()))))

	// A small terminal; a line that is lost and comes back is drawn again with one key.
	e = c.look(5, 20, vt.VT102)
	e.types("edit list" + enter)
	e.sees(`^line 4 = 'text' # `)
	e.types("\x1b[6~")
	e.vt = vt.New(5, 20, vt.VT102)
	e.vt.Answer = func(b []byte) { c.Send(string(b)) }
	e.types("\x0c")
	e.sees(`^line 5 = 'text'`)
	e.types(quit)
	c.prompt()
	e.fits()

	// A plain VT100 gets nothing that it does not know; completion and faults.
	c.run("mkdir new; touch new/system.toml")
	e = c.look(24, 80, vt.VT100)
	e.types("TERM=vt100 edit new/system.toml" + enter)
	e.sees(`\^S Save`)
	e.types("hostnm")
	time.Sleep(100 * time.Millisecond)
	e.types("\t")
	e.sees(`^hostname = "`)
	e.types("x y\"\r[service.a]\r")
	e.sees(`<- .*host name`)
	e.types("\x16") // the next fault
	e.sees(`^1:1?2? `)
	e.types("\x1d") // explain
	e.sees(`hostname`)
	e.types(quit, "n")
	c.prompt()
	e.fits()

	// Pipes are viewed, and a terminal that cannot move its cursor has a line editor.
	e = c.look(24, 80, vt.XTerm)
	e.types("dmesg | view" + enter)
	e.sees(`Linux version`)
	e.types("G/command line", enter, "q")
	c.prompt()
	c.must("TERM=dumb edit list <<'END'\n4s/four/five/\nwq\nEND", "")
	c.must("sed -n 4p list", "# five")

	// A file that somebody else changes is not overwritten.
	e = c.look(24, 80, vt.XTerm)
	e.types("(sleep 4; echo theirs > list) & edit list" + enter)
	e.sees(`\^S Save`)
	e.types("mine ")
	e.sees(`Somebody else has changed`)
	e.types(save)
	e.sees(`o: overwrite`)
	e.types("c")
	e.sees(`^- theirs`)
	e.types("q", quit, "n")
	c.prompt()
	c.must("cat list", "theirs")

	// A full disk: the file stays whole, and so does what was typed.
	c.run("mkdir small; mount -t tmpfs -o size=64k tmpfs small; echo old > small/file; cat /bin/bantam > small/fill 2>/dev/null")
	e = c.look(24, 80, vt.XTerm)
	e.types("edit small/file" + enter)
	e.sees(`\^S Save`)
	e.types("new ", save)
	e.sees(`(?s)^NOT saved: .*space left on device`)
	c.Send("\x07x") // leave; losing it
	e.sees(`Save the changes`)
	c.Send("n")
	c.prompt()
	c.must("cat small/file; ls -a small", "old\n.  ..  file  fill\n")

	// Leaving the draft: what it changes, what a switch would do, and the switch itself.
	c.run("cd")
	e = c.look(24, 80, vt.XTerm)
	e.types("bantam edit" + enter)
	e.sees(`\^S Save`)
	e.types(find, "hostname", enter, cut, "hostname = \"slow\"", enter, "mistake", enter, save)
	e.sees(`^Saved; 1 fault`)
	e.types(quit)
	e.sees(`it cannot run like this`)
	e.sees(`k keep as draft, e edit again \[k\]: *$`)
	e.types("s" + enter) // not offered
	e.sees(`(?s)\[k\]: s.*\[k\]: *$`)
	e.types("e" + enter)
	e.sees(`\^S Save`)
	e.types(faults, cut, save)
	e.sees(`^Saved *$`)
	e.types(quit)
	e.sees(`set hostname slow`)
	e.sees(`s switch now, k keep as draft, e edit again \[k\]: *$`)
	e.types("s" + enter)
	e.sees(`generation 2 runs and is the default`)
	c.host = "slow"
	c.prompt()
	c.must("hostname", "slow")
	c.Send("poweroff\r")
	c.WaitEnd()
}
