package test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/gpt"
	"bantam/slot"
	"bantam/test/powercut"
)

// What the machine whose power goes is asked to run. Generation 1 is the
// image's, 2 and 3 are made of these.
const (
	gateText   = "hostname = \"gate\"\n[service.web]\ncommand = [\"nc\", \"-lk\", \"-p\", \"80\"]\nready = \"tcp/80\"\n"
	brokenText = "hostname = \"broken\"\n[service.broken]\ncommand = [\"sh\", \"-c\", \"exit 3\"]\n"
	thirdText  = "hostname = \"third\"\n"
)

// An act is something during which the power may go.
type act struct {
	name     string
	command  string
	says     string // when it is over
	host     string // afterwards
	old, new int    // generations: what ran, and what it leads to
	then     int    // what the next boot runs when it is over

	// Events of the disk before it was asked for, and before it said that it was over.
	began, ended int
}

// A life is what a machine's disk saw from its first boot on.
type life struct {
	image  []byte // the disk before it
	events []powercut.Event
	up     int // events before the first boot was over
	acts   []act

	edits []edit // done before the acts
	filed int    // events before the files to be edited were safe
	typed int    // events before text was typed that nobody saved
	kept  int    // events before that was surely in its recovery file
}

// The disk, and where its state volume has to be: from the usual place to the
// last whole MiB before the second partition table.
const (
	cutDiskSize = 112 << 20
	volumeStart = 64 << 20
	volumeEnd   = 111 << 20
)

// live boots a new machine on a disk that logs its writes, edits files, does the acts and turns it off.
func live(t *testing.T, image string, acts []act) *life {
	t.Helper()
	dir := t.TempDir()
	path, log := filepath.Join(dir, "disk"), filepath.Join(dir, "log")
	copyTo(t, path, image)
	if err := errors.Join(os.Truncate(path, cutDiskSize), os.WriteFile(log, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	l := &life{image: bytesOf(t, path), acts: acts}
	c := start(t, pc(t, bios, "-blockdev", "driver=file,node-name=image,filename="+path, "-blockdev", "driver=file,node-name=log,filename="+log,
		"-blockdev", "driver=blklogwrites,node-name=disk,file=image,log=log,log-sector-size=512", "-device", "virtio-blk-pci,drive=disk"))
	c.settled()
	length := func() int {
		s, err := os.Stat(log)
		if err != nil {
			t.Fatal(err)
		}
		return int(s.Size())
	}
	l.up = length()
	l.saveEdits(c, length)
	c.run("mkdir -p /state/draft")
	c.put("/state/draft/system.toml", gateText)
	c.put("/state/broken.toml", brokenText)
	c.run("sync")
	for i := range acts {
		a := &acts[i]
		a.began = length()
		c.Send(a.command + "\r")
		c.Expect(a.says)
		a.ended = length()
		c.host = a.host
		c.prompt()
	}
	c.Send("poweroff\r")
	c.WaitEnd()

	var err error
	if l.events, err = powercut.ReadLog(bytesOf(t, log)); err != nil {
		t.Fatal(err)
	}
	// From lengths of the log to numbers of events.
	count := func(length int) int {
		n := 0
		for n < len(l.events) && l.events[n].End <= int64(length) {
			n++
		}
		return n
	}
	for _, n := range []*int{&l.up, &l.filed, &l.typed, &l.kept} {
		*n = count(*n)
	}
	for i := range acts {
		acts[i].began, acts[i].ended = count(acts[i].began), count(acts[i].ended)
	}
	for i := range l.edits {
		l.edits[i].began, l.edits[i].ended = count(l.edits[i].began), count(l.edits[i].ended)
	}
	return l
}

// keepsImage fails if any write changed the boot code or the image, but for the disk's own GUID in its origin and the boot
// loader's state.
func (l *life) keepsImage(t *testing.T) {
	t.Helper()
	const imageStart = 34 * gpt.SectorSize // after the partition table
	origin := int64(bytes.Index(l.image, []byte("Bantam disk\nimage "))) / gpt.SectorSize * gpt.SectorSize
	if _, ok := gpt.ReadOrigin(l.image[origin:][:gpt.SectorSize]); !ok {
		t.Fatal("the image has no origin")
	}
	image, err := gpt.Read(bytes.NewReader(l.image), uint64(len(l.image))/gpt.SectorSize)
	if err != nil {
		t.Fatal(err)
	}
	state := func(at int64) bool {
		one, two := image.Table.Partitions[slot.State1Number-1], image.Table.Partitions[slot.State2Number-1]
		sector := uint64(at / gpt.SectorSize)
		return sector >= one.First && sector <= one.Last || sector >= two.First && sector <= two.Last
	}
	for n, e := range l.events {
		for i, b := range e.Data {
			at := e.Offset + int64(i)
			if at >= volumeStart {
				break
			}
			if at >= origin && at < origin+gpt.SectorSize || state(at) {
				continue
			}
			if (at < gpt.SectorSize || at >= imageStart) && b != l.image[at] {
				t.Fatalf("event %d of the disk changes byte %d of the image", n+1, at)
			}
		}
	}
}

// put makes a file on the machine, of text without single quotation marks, backslashes and per cent signs.
func (c *console) put(path, text string) {
	c.t.Helper()
	c.run("printf '" + strings.ReplaceAll(text, "\n", `\n`) + "' > " + path)
}

func bytesOf(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// expected says which generations the next boot may run when the power went
// after n events, and the act that was under way, if any.
func (l *life) expected(n int) ([]int, *act) {
	runs := 1
	for i := range l.acts {
		a := &l.acts[i]
		switch {
		case n <= a.began:
			return []int{runs}, nil
		case n < a.ended:
			if a.then == a.old {
				return []int{a.old}, a
			}
			return []int{a.old, a.new}, a
		}
		runs = a.then
	}
	return []int{runs}, nil
}
