package statevolume

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"bantam/gpt"
	"bantam/init/statevolume/sparse"
	"bantam/slot"
)

const (
	slotAt   = 8192 // the first sector of slot A in testSlotImage
	slotUsed = 4096
)

// slotParts are the partitions of an image with boot slots. Layers lie in front of the slot.
func slotParts(disk gpt.GUID) []gpt.Partition {
	part := func(kind gpt.GUID, purpose string, first, last uint64) gpt.Partition {
		return gpt.Partition{Type: kind, ID: gpt.DeriveGUID(disk.String(), purpose), First: first, Last: last, Name: purpose}
	}
	return []gpt.Partition{
		part(gpt.ESP, gpt.ESPPurpose, 400, 6983),
		{},
		part(gpt.BootState, gpt.BootState1Purpose, 6984, 6991),
		part(gpt.BootState, gpt.BootState2Purpose, 6992, 6999),
		part(gpt.Layers, gpt.LayersPurpose, 7008, 8127),
		part(gpt.Slot, gpt.SlotAPurpose, slotAt, slotAt+slotUsed-1),
	}
}

// testSlotImage is testImage, of 7 MiB, with boot slots. Its origin lies at the end of the initrd of slot A.
func testSlotImage(t testing.TB) []byte {
	t.Helper()
	return diskWith(t, 7*sectorsPerMiB, slotParts(testGUID)...)
}

// tables are those that a boot loader may go by on a disk: whichever is intact.
func tables(t testing.TB, disk []byte) []gpt.Table {
	t.Helper()
	c, err := gpt.Read(bytes.NewReader(disk), uint64(len(disk)/512))
	if err != nil {
		t.Fatal(err)
	}
	list := []gpt.Table{c.Table}
	if c.BackupErr == nil && !c.FromBackup && c.PrimaryErr != nil {
		list = append(list, c.AtEnd)
	}
	return list
}

// wantSlots checks what a boot loader finds of slots: slot A with what the image has in it, and slot B not at all or empty.
func wantSlots(t testing.TB, start, disk []byte) (both bool) {
	t.Helper()
	for _, table := range tables(t, disk) {
		s, ok := slotsIn(table)
		if !ok || s.A.Offset != slotAt*512 || s.A.Length < slotUsed*512 {
			t.Fatalf("slot A is not what it was: %+v", table)
		}
		if s.B.Length == 0 {
			continue
		}
		both = true
		if s.B.Length != s.A.Length || s.B.Offset < s.A.Offset+s.A.Length {
			t.Fatalf("slots of unequal length: %+v", s)
		}
		if _, err := slot.ParseHeader(disk[s.B.Offset:][:slot.HeaderSize]); !errors.Is(err, slot.ErrEmpty) {
			t.Fatalf("slot B is shown with something in it: %v", err)
		}
	}
	if !bytes.Equal(start[slotAt*512:(slotAt+slotUsed)*512], disk[slotAt*512:(slotAt+slotUsed)*512]) {
		t.Fatal("the content of slot A has changed")
	}
	return both
}

// The power fails after each single sector of the first boot's change: a boot loader finds the one slot or both, the second
// one empty; and in the end there are both.
func TestAPowerCutWhileSlotBIsMadeLeavesTheSlotsOfBeforeOrBoth(t *testing.T) {
	s, fs := smallImage(t)
	start := testSlotImage(t)
	first := decideFor(t, start)
	if first.Verb != Create || first.Place.First != usualStart || first.SlotB.First == 0 {
		t.Fatalf("on a fresh disk: got %+v", first)
	}
	r := &recorder{disk: bytes.Clone(start)}
	if err := prepare(r, first, s); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	disk := cutEverywhere(t, start, r.writes, func(disk []byte) {
		a := decideFor(t, disk)
		seen[fmt.Sprint(a.Verb, wantSlots(t, start, disk))]++
		if a.Verb == Mount && !bytes.Equal(disk[a.Place.First*512:][:len(fs)], fs) {
			t.Fatal("an incomplete file system would be mounted")
		}
		if a.Verb != Mount && a.Verb != Adopt && a.Verb != Create {
			t.Fatalf("got %v: %s", a.Verb, a.Reason)
		}
	})
	wantOwn(t, disk)
	if !wantSlots(t, start, disk) || decideFor(t, disk).Verb != Mount {
		t.Errorf("in the end slot B or the volume is missing")
	}
	if len(seen) < 3 {
		t.Errorf("these states were met: %v", seen)
	}

	// The next boots change nothing.
	if a := decideFor(t, disk); a.Changes() || a.SlotB.Last != 0 {
		t.Errorf("the second boot would change %+v", a)
	}

	// An image is written over the disk, of whose slot B something is left that looks like a kernel.
	found, _ := slotsIn(decideFor(t, disk).Table)
	h := slot.NewHeader(1024, 1024)
	h.Generation = "sha256:" + fmt.Sprintf("%064d", 1)
	h.Boot = h.Generation
	header, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	copy(disk, start[:7<<20])
	copy(disk[found.B.Offset:], header)
	over := decideFor(t, disk)
	if over.Verb != Adopt || over.Place.First != usualStart || over.SlotB.First == 0 {
		t.Fatalf("an image over the disk: got %+v", over)
	}
	r = &recorder{disk: bytes.Clone(disk)}
	if err := prepare(r, over, sparse.Image{}); err != nil {
		t.Fatal(err)
	}
	end := cutEverywhere(t, disk, r.writes, func(disk []byte) {
		wantSlots(t, start, disk)
		if a := decideFor(t, disk); a.Verb != Adopt && a.Verb != Mount {
			t.Fatalf("got %v: %s", a.Verb, a.Reason)
		}
		if !bytes.Equal(disk[usualStart*512:][:len(fs)], fs) {
			t.Fatal("the volume was written to")
		}
	})
	if !wantSlots(t, start, end) || decideFor(t, end).Verb != Mount {
		t.Error("after an image was written over the disk slot B or the volume is missing")
	}
}

// What the division of a disk comes to, in MiB.
func TestSlotsOnDisksOfEverySize(t *testing.T) {
	const mib = sectorsPerMiB
	state := func(first uint64) gpt.Partition {
		return gpt.Partition{Type: PartitionType, First: first, Last: first + 100*mib - 1}
	}
	mine := gpt.Partition{Type: gpt.DeriveGUID("mine", "type"), ID: gpt.DeriveGUID("mine", "id"), First: 300 * mib, Last: 400*mib - 1, Name: "mine"}
	for name, c := range map[string]struct {
		disk, used uint64          // the disk in MiB, what the image takes in slot A in sectors
		more       []gpt.Partition // in the image's table from number 7 on
		old        []gpt.Partition // in the older table at the end of the disk
		want       string
	}{
		"a large disk": {8192, 4096, nil, nil, "A 4-28 B 28-52 state 512-8191 as number 8"},
		"a small disk": {160, 4096, nil, nil, "A 4-28 B 28-52 state 64-159 as number 8"},
		"slots come before a volume that is far off":  {96, 4096, nil, nil, "A 4-28 B 28-52 state 52-95 as number 8"},
		"just room for both":                          {85, 4096, nil, nil, "A 4-28 B 28-52 state 52-84 as number 8"},
		"a MiB less":                                  {84, 4096, nil, nil, "A 4-28 state 28-83 as number 8"},
		"room for no more than a volume":              {40, 4096, nil, nil, "A 4-6 state 6-39 as number 8"},
		"not even for that":                           {36, 4096, nil, nil, "A 4-6"},
		"a large image":                               {1024, 40 * mib, nil, nil, "A 4-84 B 84-164 state 164-1023 as number 8"},
		"a volume of before stays where it is":        {1024, 4096, nil, []gpt.Partition{state(64 * mib)}, "A 4-28 B 28-52 state 64-1023 as number 8"},
		"also if it leaves too little room":           {1024, 4096, nil, []gpt.Partition{state(40 * mib)}, "A 4-28 state 40-1023 as number 8"},
		"and less than slot A should have":            {1024, 4096, nil, []gpt.Partition{state(10 * mib)}, "A 4-10 state 10-1023 as number 8"},
		"somebody has taken the number":               {1024, 4096, []gpt.Partition{mine}, nil, "A 4-28 state 400-1023 as number 8 mine 300-400 as number 7"},
		"somebody had that of slot B before":          {1024, 4096, nil, []gpt.Partition{{}, {}, {}, {}, {}, state(64 * mib), mine}, "A 4-28 B 28-52 state 64-300 as number 9 mine 300-400 as number 8"},
		"somebody's partition is close":               {1024, 4096, []gpt.Partition{{}, {Type: mine.Type, First: 40 * mib, Last: 50*mib - 1, Name: "mine"}}, nil, "A 4-28 state 64-1023 as number 9 mine 40-50 as number 8"},
		"layers and slots of before are nobody's now": {1024, 4096, nil, append(slotParts(testGUID), gpt.Partition{Type: gpt.Slot, First: 20 * mib, Last: 44*mib - 1}, state(64*mib)), "A 4-28 B 28-52 state 64-1023 as number 8"},
	} {
		copies := table(c.disk*mib, slotParts(testGUID)...)
		parts := copies.Table.Partitions
		parts[5].Last = parts[5].First + c.used - 1
		copies.Table.Sectors = parts[5].Last + 40
		if len(c.more) > 0 {
			copies.Table.Sectors = c.disk * mib
		}
		copies.Table.Partitions = append(parts, c.more...)
		if c.old != nil {
			copies.BackupErr, copies.AtEnd = nil, gpt.Table{Sectors: c.disk * mib, Partitions: c.old}
		}
		d := Disk{Name: "vda", SectorSize: 512, Copies: copies, Free: freePlaces(copies)}
		for i, p := range d.Free {
			if c.old != nil && i == 0 {
				d.Free[i].FileSystem = FileSystem{Condition: Intact, Size: int64(p.size())}
			}
		}
		a := Decide(Facts{GUID: testGUID.String(), HaveSeed: true, Disks: []Disk{d}})
		after := a.Table
		if a.Verb == UseMemory {
			after = a.Started.Copies.Table
		}
		if err := after.Verify(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		s, ok := slotsIn(after)
		got := fmt.Sprintf("A %d-%d", s.A.Offset>>20, (s.A.Offset+s.A.Length)>>20)
		if s.B.Length != 0 {
			got += fmt.Sprintf(" B %d-%d", s.B.Offset>>20, (s.B.Offset+s.B.Length)>>20)
		}
		if number, p := after.Find(PartitionType); number != 0 {
			got += fmt.Sprintf(" state %d-%d as number %d", p.First/mib, (p.Last+1)/mib, number)
		}
		if number, p := after.Find(mine.Type); number != 0 {
			got += fmt.Sprintf(" mine %d-%d as number %d", p.First/mib, (p.Last+1)/mib, number)
		}
		if got != c.want || !ok {
			t.Errorf("%s: got %s, want %s (%s)", name, got, c.want, a.Reason)
		}
		if (s.B.Length == 0) != (s.Lack != "") || (s.B.Length != 0) != (a.SlotB.Last != 0) {
			t.Errorf("%s: slot B %+v, made as %+v, and the reason against it is %q", name, s.B, a.SlotB, s.Lack)
		}
	}
}

func TestAnImageWithoutSlotsOverADiskWithSlots(t *testing.T) {
	s, _ := smallImage(t)
	r := &recorder{disk: testSlotImage(t)}
	if err := prepare(r, decideFor(t, r.disk), s); err != nil {
		t.Fatal(err)
	}
	copy(r.disk, testImage(t)[:4<<20])
	a := decideFor(t, r.disk)
	if _, ok := slotsIn(a.Table); ok || a.Verb != Adopt || a.SlotB.Last != 0 || a.Number != 3 {
		t.Errorf("got %+v", a)
	}
}

func TestSlotsAreKnownOfADiskThatKeepsNoState(t *testing.T) {
	s, _ := smallImage(t)
	r := &recorder{disk: testSlotImage(t)}
	if err := prepare(r, decideFor(t, r.disk), s); err != nil {
		t.Fatal(err)
	}
	c, err := gpt.Read(bytes.NewReader(r.disk), testSectors)
	if err != nil {
		t.Fatal(err)
	}
	d, err := survey("vda", bytes.NewReader(r.disk), c, true, 512)
	if err != nil {
		t.Fatal(err)
	}
	d.State.FileSystem.Condition = Damaged
	for _, readOnly := range []bool{true, false} {
		d.ReadOnly = readOnly
		a := Decide(Facts{GUID: testGUID.String(), Disks: []Disk{d}})
		var v Volume
		v.findSlots(Options{dev: "/dev"}, a.Started, a.Started.Copies.Table)
		if got := v.Slots(); got.Disk != "/dev/vda" || got.ReadOnly != readOnly || got.B.Length == 0 {
			t.Errorf("%v: %s: got %+v", a.Verb, a.Reason, got)
		}
	}
}

// The machine was started from one of two disks with the same image; the other gets no slot.
func TestTheSecondDiskGetsNoSlot(t *testing.T) {
	started, other := testSlotImage(t), testSlotImage(t)
	s, _ := smallImage(t)
	r := &recorder{disk: started}
	if err := prepare(r, decideFor(t, started), s); err != nil {
		t.Fatal(err)
	}
	loaded, _ := gpt.ReadOrigin(r.disk[originSector*512:][:512])
	id := identity{testGUID, &loaded}
	var disks []Disk
	for name, disk := range map[string][]byte{"vda": r.disk, "vdb": other} {
		c, err := gpt.Read(bytes.NewReader(disk), testSectors)
		if err != nil {
			t.Fatal(err)
		}
		d, err := survey(name, bytes.NewReader(disk), c, false, 512)
		if err != nil {
			t.Fatal(err)
		}
		d.Origin = id.on(bytes.NewReader(disk))
		disks = append(disks, d)
	}
	a := Decide(Facts{GUID: testGUID.String(), Origin: &loaded, HaveSeed: true, Disks: disks})
	if a.Verb != Mount || a.Disk.Name != "vda" || a.Started.Name != "vda" || a.Changes() {
		t.Errorf("got %+v", a)
	}
}
