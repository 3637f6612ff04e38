package test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"bantam/gpt"
	"bantam/slot"
	"bantam/test/vm"
)

// grubDisk is a disk of a machine that was started once, whose slots the test changes while it is off.
type grubDisk struct {
	t    *testing.T
	path string
	args []string // of the machine
}

// at is the byte at which a partition begins.
func (d grubDisk) at(number int) int64 {
	return int64(tableOf(d.t, d.path).Table.Partitions[number-1].First) * gpt.SectorSize
}

// read is a part of a partition.
func (d grubDisk) read(number int, at int64, size int) []byte {
	d.t.Helper()
	f, err := os.Open(d.path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, size)
	if _, err := f.ReadAt(b, d.at(number)+at); err != nil {
		d.t.Fatal(err)
	}
	return b
}

// flip changes a bit; a second time it is as it was.
func (d grubDisk) flip(number int, at int64) {
	d.t.Helper()
	b := d.read(number, at, 1)
	writeAt(d.t, d.path, []byte{b[0] ^ 1}, d.at(number)+at)
}

// fillB puts into slot B what slot A holds.
func (d grubDisk) fillB() slot.Header {
	d.t.Helper()
	h, err := slot.ParseHeader(d.read(slot.NumberA, 0, slot.HeaderSize))
	if err != nil {
		d.t.Fatal(err)
	}
	b := d.read(slot.NumberA, 0, int(h.Sectors())*slot.SectorSize)
	origin := b[len(b)-gpt.SectorSize:]
	o, ok := gpt.ReadOrigin(origin)
	if !ok {
		d.t.Fatal("slot A has no origin")
	}
	o.Sector = uint64(d.at(slot.NumberB))/gpt.SectorSize + h.Origin()
	copy(origin, o.Archive())
	writeAt(d.t, d.path, b, d.at(slot.NumberB))
	return h
}

// set makes both copies say the same, e.g. "A B", good and 3 tries.
func (d grubDisk) set(order string, a, b slot.Left) {
	d.t.Helper()
	s := slot.State{Order: strings.Fields(order), LeftA: a, LeftB: b, Seq: 7, Seen: slot.Unseen}
	block, err := s.EncodeGRUB()
	if err != nil {
		d.t.Fatal(err)
	}
	for _, number := range []int{slot.State1Number, slot.State2Number} {
		writeAt(d.t, d.path, slot.GRUBCopy(block), d.at(number))
	}
}

// says is the state of the first copy, or the spare that lies behind it, e.g. "A B: A g, B 2, seen B".
func (d grubDisk) says(spare bool) string {
	d.t.Helper()
	at := int64(slot.GRUBBlockAt)
	if spare {
		at += slot.StateSize + slot.GRUBBlockAt
	}
	s, err := slot.ParseGRUB(d.read(slot.State1Number, at, slot.StateSize))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s: A %v, B %v, seen %s", strings.Join(s.Order, " "), s.LeftA, s.LeftB, s.Seen)
}

// until waits for what the state says while the machine runs, and cuts its power then.
func (d grubDisk) until(m *vm.Machine, spare bool, want string) {
	d.t.Helper()
	for end := time.Now().Add(vm.Patience); d.says(spare) != want; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("the state is %q, want %q", d.says(spare), want)
		}
	}
	m.PowerCut()
}

// GRUB passes over what is damaged and counts what it starts, with and without a state that can be read; a person at the serial line
// takes a slot by hand, noise on it takes none, and without one the machine starts as well.
func TestBoardPCStartsWhatItShould(t *testing.T) {
	forBoard(t, "pc")
	path := disk(t, build(t, "pc", "../examples/pc/system.toml")+"/pc.img")
	d := grubDisk{t, path, pc(t, bios, "-drive", virtio(path))}
	first := startAs(t, "bantam", d.args) // it makes slot B
	first.off()
	h := d.fillB()
	start := func() *vm.Machine { return vm.Start(t, d.args...) }
	full := func() *console { return &console{Machine: start(), t: t, host: "bantam"} }

	// A is good, and damaged: B is started, and so counted. Tries that are used up are the loader's own count: no PID 1 was there to do it.
	kernel, initrd := int64(h.Kernel.First)*slot.SectorSize+1_000_000, int64(h.Initrd.First)*slot.SectorSize+1_000_000
	d.set("A B", slot.Good, slot.MaxTries)
	for i, at := range []int64{700, slot.SumsAt + 20, kernel} {
		d.flip(slot.NumberA, at)
		d.until(start(), false, fmt.Sprintf("A B: A g, B %d, seen B", slot.MaxTries-1-i))
		d.flip(slot.NumberA, at)
	}
	d.set("B A", slot.MaxTries, 0)
	d.until(start(), false, "B A: A 2, B 0, seen A")

	// The whole way with a damaged initrd, and noise on the line from power-on to the greeting.
	d.set("A B", slot.Good, slot.Good)
	d.flip(slot.NumberA, initrd)
	c := full()
	stop := c.typing("\xff\xfe\x00 \x1b\xf8a\r\x00\x00")
	c.Expect(`Bantam .*, ttyS0\.`)
	stop()
	c.booted()
	c.Send("\x15echo $((40+2)) is quiet\r") // behind the noise that the shell has still to read
	c.Expect("42 is quiet")
	c.prompt()
	c.settled()
	c.must("cat /proc/cmdline", " bantam.slot=B bantam.loader=grub")
	c.must("bantam status", "slot B (booted, generation 1, good)", "boot slot A comes first and was not started: what it holds is damaged")
	d.flip(slot.NumberA, initrd)
	c.off()

	// Neither copy can be read, and A never comes as far as PID 1: B gets its turn, and PID 1 says what it has found.
	for _, number := range []int{slot.State1Number, slot.State2Number} {
		d.flip(number, slot.GRUBBlockAt+20) // of the signature
	}
	for _, want := range []string{"A B: A 2, B 3, seen A", "A B: A 1, B 3, seen A", "A B: A 0, B 3, seen A"} {
		d.until(start(), true, want)
	}
	c = full()
	c.booted()
	c.settled()
	c.must("cat /proc/cmdline", " bantam.slot=B bantam.loader=grub")
	c.must("bantam status", "slot B (booted, generation 1, good)", "both copies of the boot loader's state are damaged")
	if block, err := slot.Spare.EncodeGRUB(); err != nil || !bytes.Equal(d.read(slot.State2Number, 3*slot.SectorSize, slot.StateSize), block) {
		t.Error("the spare is not as it was")
	}

	// By hand.
	c.Reset()
	stop = c.meanwhile(700*time.Millisecond, func() { c.Send("\x1b") })
	c.Expect("Boot menu: let go of Esc")
	stop()
	c.Expect("Press Esc now, once")
	c.Send("\x1b")
	c.Expect("Bantam, slot A")
	c.Send("\x1b[B\r")
	c.booted()
	c.must("cat /proc/cmdline", " bantam.slot=A bantam.loader=grub bantam.hand\n")
	c.off()

	// No serial port where the boot loader looks for one: what PID 1 writes in the end shows that all has started.
	d.set("A", 3, 0)
	d.args = append(d.args, "-serial", "none")
	d.until(start(), false, "A: A g, B 0, seen A")
}
