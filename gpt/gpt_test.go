package gpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	testDisk = DeriveGUID("test", "disk")
	stateTyp = DeriveGUID("test", "state type")
)

func testTable(sectors uint64) Table {
	return Table{Disk: testDisk, Sectors: sectors, Partitions: []Partition{
		{Type: ESP, ID: DeriveGUID("test", "esp"), First: 400, Last: 1999, Name: "bantam-esp"}}}
}

// written returns a disk of disk sectors with an image's table of table.Sectors on it.
func written(t testing.TB, table Table, disk uint64) []byte {
	t.Helper()
	if err := table.Verify(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, disk*SectorSize)
	ProtectiveMBR(b[:SectorSize], table.Sectors, true)
	primary := table.Primary()
	copy(b[SectorSize:], primary[:SectorSize])
	copy(b[table.entriesAt()*SectorSize:], primary[SectorSize:])
	copy(b[(table.Sectors-TableSectors)*SectorSize:], table.Backup())
	return b
}

func read(t testing.TB, disk []byte) Copies {
	t.Helper()
	c, err := Read(bytes.NewReader(disk), uint64(len(disk)/SectorSize))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGUIDHasTheTextFormOfSgdisk(t *testing.T) {
	const text = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
	g, err := ParseGUID(strings.ToLower(text))
	if err != nil || g.String() != text {
		t.Errorf("got %v, %v, want %s", g, err, text)
	}
	if g[0] != 0x28 || g[15] != 0x3B {
		t.Errorf("got % x on disk: want 28 73 2A C1 first and 3B last", g)
	}
	for _, bad := range []string{"", "C12A7328", "C12A7328-F81F-11D2-BA4B-00A0C93EC93", "C12A7328xF81F-11D2-BA4B-00A0C93EC93B",
		"C12A7328F81F-11D2-BA4B-00A0C93EC93B-", "G12A7328-F81F-11D2-BA4B-00A0C93EC93B"} {
		if g, err := ParseGUID(bad); err == nil {
			t.Errorf("ParseGUID(%q) = %v, want an error", bad, g)
		}
	}
}

func TestSgdiskFindsNoFault(t *testing.T) {
	sgdisk, err := exec.LookPath("/usr/sbin/sgdisk")
	if err != nil {
		t.Fatal("sgdisk is missing: apt-get install gdisk")
	}
	verify := func(disk []byte) string {
		path := filepath.Join(t.TempDir(), "disk")
		if err := os.WriteFile(path, disk, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(sgdisk, "-v", "-p", "-i", "1", path).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "No problems found") {
			t.Errorf("sgdisk -v: %v\n%s", err, out)
		}
		return string(out)
	}
	disk := written(t, testTable(4096), 4096)
	if out := verify(disk); !strings.Contains(out, testDisk.String()) || !strings.Contains(out, "bantam-esp") {
		t.Errorf("got\n%s\nwant disk GUID %s and partition bantam-esp", out, testDisk)
	}
	grown := append(disk, make([]byte, 4096*SectorSize)...)
	c := read(t, grown)
	next, _, err := c.Table.Add(Partition{Type: stateTyp, ID: DeriveGUID("test", "state"), First: 2048, Last: 8000, Name: "state"})
	if err == nil {
		t.Fatal("a partition behind the table's disk was added before the table moved")
	}
	next.Sectors = c.DiskSectors
	writes, err := c.Rewrite(next)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range writes {
		copy(grown[w.Sector*SectorSize:], w.Bytes)
	}
	verify(grown)
}

func TestTablesWrittenBySgdiskAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("/usr/sbin/sgdisk", "-U", testDisk.String(), "-n", "1:2048:4095", "-t", "1:EF00", "-c", "1:grün",
		"-n", "5:8192:0", "-A", "5:set:2", path).CombinedOutput()
	if err != nil {
		t.Fatalf("sgdisk: %v\n%s", err, out)
	}
	disk, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := read(t, disk)
	p := c.Table.Partitions
	if c.Table.Disk != testDisk || len(p) != 5 || p[0].Type != ESP || p[0].Name != "grün" || p[0].First != 2048 || p[0].Last != 4095 ||
		!p[1].Type.IsZero() || p[4].First != 8192 || p[4].Attributes != 4 {
		t.Errorf("got %+v", c.Table)
	}
	if c.BackupErr != nil || c.PrimaryErr != nil {
		t.Errorf("got errors %v and %v, want none", c.PrimaryErr, c.BackupErr)
	}
}

func TestVerifyRefuses(t *testing.T) {
	part := func(first, last uint64) Partition { return Partition{Type: ESP, First: first, Last: last} }
	for name, table := range map[string]Table{
		"a disk that is too small":             {Sectors: 60},
		"a partition over the primary":         {Sectors: 1000, Partitions: []Partition{part(33, 100)}},
		"a partition over the backup":          {Sectors: 1000, Partitions: []Partition{part(34, 967)}},
		"an end before the start":              {Sectors: 1000, Partitions: []Partition{part(100, 99)}},
		"two that share a sector":              {Sectors: 1000, Partitions: []Partition{part(100, 200), part(200, 300)}},
		"one inside the other":                 {Sectors: 1000, Partitions: []Partition{part(120, 130), part(100, 300)}},
		"a name of 37 characters":              {Sectors: 1000, Partitions: []Partition{{Type: ESP, First: 100, Last: 200, Name: strings.Repeat("x", 37)}}},
		"more partitions than there are slots": {Sectors: 1000, Partitions: make([]Partition, 129)},
	} {
		if table.Verify() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if err := (Table{Sectors: 1000, Partitions: []Partition{part(34, 966)}}).Verify(); err != nil {
		t.Errorf("a partition that fills the disk: %v", err)
	}
}

func TestAddTakesTheFirstFreeEntry(t *testing.T) {
	table := Table{Sectors: 1 << 20, Partitions: []Partition{{Type: ESP, First: 100, Last: 200}, {}, {Type: ESP, First: 300, Last: 400}}}
	next, number, err := table.Add(Partition{Type: stateTyp, First: 500, Last: 600})
	if err != nil || number != 2 || next.Partitions[1].First != 500 {
		t.Errorf("got number %d, %v, %+v; want 2", number, err, next)
	}
	if !table.Partitions[1].Type.IsZero() {
		t.Error("Add changed the table it was called on")
	}
	for i := uint64(3); i < 128; i++ {
		if next, _, err = next.Add(Partition{Type: stateTyp, First: 1000 + i, Last: 1000 + i}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := next.Add(Partition{Type: stateTyp, First: 2000, Last: 2000}); !errors.Is(err, ErrFull) {
		t.Errorf("the 129th partition: got %v, want ErrFull", err)
	}
}

// After each single sector that Rewrite has written, in any order within one step, a reader and the firmware must find the old or the new table,
// with the EFI system partition in it.
func TestAPowerCutAfterAnySectorLeavesTheOldOrTheNewTable(t *testing.T) {
	cutRewrites(t, testTable(4096))
}

// The same where a boot ROM's area lies between header and entries.
func TestAPowerCutLeavesATableBehindABootArea(t *testing.T) {
	image := testTable(4096)
	image.EntriesAt = 300
	cutRewrites(t, image)
}

func cutRewrites(t *testing.T, image Table) {
	for name, start := range map[string]func() []byte{
		"on a disk of the image's size": func() []byte { return written(t, image, 4096) },
		"on a larger disk":              func() []byte { return written(t, image, 9000) },
		"on a larger disk with the backup of an older table at its end": func() []byte {
			b := written(t, image, 9000)
			older := testTable(9000)
			older.Disk = DeriveGUID("older", "disk")
			copy(b[(9000-TableSectors)*SectorSize:], older.Backup())
			return b
		},
		"with a damaged primary header, repaired first": func() []byte {
			b := written(t, image, 4096)
			b[SectorSize+60] ^= 1
			return repaired(t, b)
		},
		"with damaged primary entries and the backup inside the disk, repaired first": func() []byte {
			b := written(t, image, 9000)
			b[image.entriesAt()*SectorSize+60] ^= 1
			return repaired(t, b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			disk := start()
			c := read(t, disk)
			old := c.Table
			next := old
			next.Sectors = c.DiskSectors
			next, _, err := next.Add(Partition{Type: stateTyp, ID: testDisk, First: 2048, Last: next.LastUsable(), Name: "state"})
			if err != nil {
				t.Fatal(err)
			}
			writes, err := c.Rewrite(next)
			if err != nil {
				t.Fatal(err)
			}
			check := func(disk []byte) {
				got := read(t, disk).Table
				if !equal(got, old) && !equal(got, next) {
					t.Fatalf("got a third table: %+v", got)
				}
			}
			cuts := 0
			for _, w := range writes {
				// Every prefix, forwards and backwards: a disk may write the sectors of one step in any order.
				for _, backwards := range []bool{false, true} {
					torn := bytes.Clone(disk)
					n := len(w.Bytes) / SectorSize
					for i := range n {
						if backwards {
							i = n - 1 - i
						}
						at := (int(w.Sector) + i) * SectorSize
						copy(torn[at:at+SectorSize], w.Bytes[i*SectorSize:])
						check(torn)
						cuts++
					}
				}
				if !w.Sync {
					t.Fatalf("the step at sector %d does not wait for the disk", w.Sector)
				}
				copy(disk[w.Sector*SectorSize:], w.Bytes)
			}
			got := read(t, disk)
			if !equal(got.Table, next) || got.PrimaryErr != nil || got.BackupErr != nil {
				t.Errorf("in the end got %+v, want both copies of %+v", got, next)
			}
			if cuts < 132 {
				t.Errorf("only %d cuts were tried", cuts)
			}
		})
	}
}

// repaired writes what Repair plans; after each sector of it the one table there is must be found.
func repaired(t *testing.T, disk []byte) []byte {
	c := read(t, disk)
	writes := c.Repair()
	if len(writes) == 0 {
		t.Fatal("nothing is to be repaired on a damaged disk")
	}
	if _, err := c.Rewrite(c.Table); err == nil {
		t.Error("a table is changed while only one copy of it is intact")
	}
	for _, w := range writes {
		for at := 0; at < len(w.Bytes); at += SectorSize {
			copy(disk[int(w.Sector)*SectorSize+at:], w.Bytes[at:at+SectorSize])
			if got := read(t, disk).Table; !equal(got, c.Table) {
				t.Fatalf("during the repair got %+v", got)
			}
		}
	}
	if read(t, disk).PrimaryErr != nil {
		t.Error("the repair did not restore the primary")
	}
	return disk
}

// What lies between header and entries is neither read nor written, and partitions cannot reach it.
func TestABootAreaBelongsToNoPartition(t *testing.T) {
	table := testTable(8192)
	table.EntriesAt = 368
	disk := written(t, table, 8192)
	for i := 2 * SectorSize; i < 368*SectorSize; i++ {
		disk[i] = 0xA5
	}
	c := read(t, disk)
	if c.PrimaryErr != nil || c.BackupErr != nil || c.Table.EntriesAt != 368 || c.Table.FirstUsable() != 400 {
		t.Fatalf("got %+v, want a table with its entries at 368", c)
	}
	next, _, err := c.Table.Add(Partition{Type: stateTyp, ID: testDisk, First: 2048, Last: 4095})
	if err != nil {
		t.Fatal(err)
	}
	writes, err := c.Rewrite(next)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range writes {
		if end := w.Sector + uint64(len(w.Bytes)/SectorSize); w.Sector < 368 && end > 2 {
			t.Errorf("sectors %d to %d are written", w.Sector, end)
		}
	}
	for _, first := range []uint64{34, 399} {
		if _, _, err := c.Table.Add(Partition{Type: stateTyp, ID: testDisk, First: first, Last: first}); err == nil {
			t.Errorf("a partition at sector %d is in the boot area", first)
		}
	}
	// A partition editor has moved the beginning of what is usable, not the entries: that is not our shape, and is left alone.
	le := binary.LittleEndian
	header := disk[SectorSize:][:SectorSize]
	le.PutUint64(header[40:], 2048)
	le.PutUint32(header[16:], 0)
	le.PutUint32(header[16:], crc32.ChecksumIEEE(header[:92]))
	if c, err := Read(bytes.NewReader(disk), 8192); !errors.Is(err, errGeometry) || len(c.Repair()) > 0 {
		t.Errorf("got %v and %d writes, want an error and none", err, len(c.Repair()))
	}
}

func TestSgdiskTakesABootArea(t *testing.T) {
	table := testTable(8192)
	table.EntriesAt = 368
	disk := written(t, table, 8192)
	HybridMBR(disk[:SectorSize], table.Partitions[0], 0x0C)
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sgdisk", "-v", "-p", path).CombinedOutput()
	if err != nil {
		t.Fatalf("sgdisk (Debian package gdisk): %v\n%s", err, out)
	}
	for _, want := range []string{"No problems found", "First usable sector is 400"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("sgdisk does not say %q:\n%s", want, out)
		}
	}
	// It protects all the same: a damaged primary is ours to repair.
	disk[SectorSize+60] ^= 1
	if c := read(t, disk); c.Foreign || len(c.Repair()) == 0 {
		t.Errorf("a hybrid table is foreign %v, %d writes", c.Foreign, len(c.Repair()))
	}
}

func equal(a, b Table) bool { return bytes.Equal(a.Primary(), b.Primary()) }

func TestEveryFlippedBitOfAHeaderIsNoticed(t *testing.T) {
	clean := written(t, testTable(4096), 4096)
	for bit := range headerSize * 8 {
		disk := bytes.Clone(clean)
		disk[SectorSize+bit/8] ^= 1 << (bit % 8)
		if c := read(t, disk); !c.FromBackup || !equal(c.Table, testTable(4096)) {
			t.Errorf("bit %d of the primary header: got %+v, want the backup", bit, c)
		}
	}
}

func TestAnEmptyDiskHasNoTable(t *testing.T) {
	if _, err := Read(bytes.NewReader(make([]byte, 1<<20)), 2048); !errors.Is(err, ErrNone) {
		t.Errorf("got %v, want ErrNone", err)
	}
	if _, err := Read(bytes.NewReader(nil), 0); !errors.Is(err, ErrNone) {
		t.Errorf("no disk: got %v, want ErrNone", err)
	}
	if _, err := Read(failing{}, 4096); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a disk that cannot be read: got %v", err)
	}
}

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

func FuzzRead(f *testing.F) {
	clean := written(f, testTable(200+2*TableSectors+2000), 4096)
	f.Add(uint32(512+16), []byte{0, 0, 0, 0})
	f.Add(uint32(512+80), []byte{0xFF, 0xFF, 0xFF, 0xFF})
	f.Add(uint32(1024+32), bytes.Repeat([]byte{0xFF}, 16))
	f.Fuzz(func(t *testing.T, at uint32, b []byte) {
		disk := bytes.Clone(clean)
		if int(at) < len(disk) {
			copy(disk[at:], b)
		}
		fixChecksums(disk)
		c, err := Read(bytes.NewReader(disk), 4096)
		if err != nil {
			return
		}
		if err := c.Table.Verify(); err != nil {
			t.Errorf("Read gave a table that Verify refuses: %v", err)
		}
		if !equal(c.Table, c.Table) || len(c.Table.Primary()) != TableSectors*SectorSize {
			t.Error("a table that was read cannot be written")
		}
	})
}

// fixChecksums lets the fuzzer past the checksums of the primary.
func fixChecksums(disk []byte) {
	h := disk[SectorSize : SectorSize+headerSize]
	le := binary.LittleEndian
	le.PutUint32(h[88:], crc32.ChecksumIEEE(disk[entriesLBA*SectorSize:][:entryCount*entrySize]))
	le.PutUint32(h[16:], 0)
	le.PutUint32(h[16:], crc32.ChecksumIEEE(h))
}
