package statevolume

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"testing"

	"bantam/gpt"
	"bantam/init/statevolume/sparse"
)

// superblock makes one that inspect finds intact, and seals it after a change.
func superblock(blocks uint64, change func(sb []byte)) []byte {
	sb := make([]byte, superblockSize)
	le := binary.LittleEndian
	le.PutUint16(sb[0x38:], 0xEF53)
	le.PutUint16(sb[0x3A:], 1)
	le.PutUint32(sb[0x04:], uint32(blocks))
	le.PutUint32(sb[0x150:], uint32(blocks>>32))
	le.PutUint32(sb[0x18:], 2)
	le.PutUint32(sb[0x60:], knownIncompat)
	le.PutUint32(sb[0x64:], metadataCsum)
	copy(sb[0x78:], sparse.Label)
	if change != nil {
		change(sb)
	}
	le.PutUint32(sb[0x3FC:], ^crc32.Checksum(sb[:0x3FC], crc32.MakeTable(crc32.Castagnoli)))
	return sb
}

// smallImage is a file system of 1.25 MiB as far as this package looks at one.
func smallImage(t testing.TB) (sparse.Image, []byte) {
	t.Helper()
	fs := make([]byte, 320*sparse.BlockSize)
	copy(fs[superblockAt:], superblock(320, nil))
	for _, block := range []int{1, 7, 200, 319} {
		for i := range sparse.BlockSize {
			fs[block*sparse.BlockSize+i] = byte(block) | 1
		}
	}
	s, err := sparse.Read(bytes.NewReader(fs), int64(len(fs)))
	if err != nil {
		t.Fatal(err)
	}
	return s, fs
}

// A journal of writes stands for a disk whose power fails: what was synced is there, of the rest any part may be.
type recorder struct {
	disk   []byte
	writes []recorded
}

type recorded struct {
	at   int64
	b    []byte
	sync bool
}

func (r *recorder) ReadAt(b []byte, at int64) (int, error) {
	return bytes.NewReader(r.disk).ReadAt(b, at)
}

func (r *recorder) WriteAt(b []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(b)) > int64(len(r.disk)) {
		return 0, io.ErrShortWrite
	}
	copy(r.disk[at:], b)
	r.writes = append(r.writes, recorded{at: at, b: bytes.Clone(b)})
	return len(b), nil
}

func (r *recorder) Sync() error {
	r.writes = append(r.writes, recorded{sync: true})
	return nil
}

const testSectors = 160 * sectorsPerMiB

var testGUID = gpt.DeriveGUID("test", "disk")

// testLayers are the layers of the image.
var testLayers = gpt.Partition{Type: gpt.Layers, ID: gpt.DeriveGUID(testGUID.String(), gpt.LayersPurpose), First: 7008, Last: 8127, Name: "bantam-layers"}

// testImage is a disk of 160 MiB, full of something old, with an image's table of 4 MiB at its beginning.
func testImage(t testing.TB) []byte {
	t.Helper()
	return diskWith(t, 4*sectorsPerMiB, gpt.Partition{Type: gpt.ESP, First: 400, Last: 7000}, testLayers)
}

// diskWith is testImage with an image of so many sectors and with these partitions.
func diskWith(t testing.TB, sectors uint64, parts ...gpt.Partition) []byte {
	t.Helper()
	disk := bytes.Repeat([]byte("old!"), testSectors*gpt.SectorSize/4)
	table := gpt.Table{Disk: testGUID, Sectors: sectors, Partitions: parts}
	if err := table.Verify(); err != nil {
		t.Fatal(err)
	}
	gpt.ProtectiveMBR(disk[:512], table.Sectors, true)
	copy(disk[512:], table.Primary())
	copy(disk[(table.Sectors-gpt.TableSectors)*512:], table.Backup())
	copy(disk[originSector*512:], gpt.Origin{Image: testGUID, Sector: originSector}.Archive())
	return disk
}

// originSector is the end of the initrd, in the EFI system partition.
const originSector = 6998

var boots int // each boot of a test has other random numbers

func decideFor(t testing.TB, disk []byte) Action {
	t.Helper()
	r := bytes.NewReader(disk)
	c, err := gpt.Read(r, uint64(len(disk)/512))
	if err != nil {
		t.Fatal(err)
	}
	if number, _ := c.Table.Find(gpt.ESP); number != 1 {
		t.Fatal("the EFI system partition is gone")
	}
	// The boot loader reads the initrd, and with it the origin, from the same disk.
	loaded, ok := gpt.ReadOrigin(disk[originSector*512:][:512])
	if !ok {
		t.Fatal("the origin is damaged")
	}
	id := identity{testGUID, &loaded}
	d, err := survey("vda", r, c, false, 512)
	if err != nil {
		t.Fatal(err)
	}
	if d.Origin = id.on(r); !id.carriedBy(c.Table.Disk, d.Origin) {
		t.Fatalf("the disk with the GUID %v and the origin\n%v is not recognized", c.Table.Disk, d.Origin)
	}
	boots++
	return Decide(Facts{GUID: testGUID.String(), Origin: &loaded, Fresh: gpt.DeriveGUID(fmt.Sprint(boots), "disk"), HaveSeed: true, Disks: []Disk{d}})
}

// wantOwn wants a disk whose table and origin have a GUID that is not the image's.
func wantOwn(t *testing.T, disk []byte) {
	t.Helper()
	c, err := gpt.Read(bytes.NewReader(disk), uint64(len(disk)/512))
	if err != nil {
		t.Fatal(err)
	}
	o, ok := gpt.ReadOrigin(disk[originSector*512:][:512])
	if _, state := c.Table.Find(PartitionType); !ok || o.Disk.IsZero() || o.Disk == testGUID || c.Table.Disk != o.Disk || c.AtEnd.Disk != o.Disk ||
		state.ID != gpt.DeriveGUID(o.Disk.String(), gpt.StatePurpose) || o.Image != testGUID {
		t.Errorf("table %v, state partition %v, origin\n%v", c.Table.Disk, state.ID, o)
	}
}

// cutEverywhere calls check with what a disk may hold after a power cut: after each single sector of the writes, those
// of one step written forwards and backwards. It returns the disk after all of them.
func cutEverywhere(t *testing.T, start []byte, writes []recorded, check func(disk []byte)) []byte {
	t.Helper()
	disk := bytes.Clone(start)
	var pending []recorded
	for _, w := range writes {
		if !w.sync {
			pending = append(pending, w)
			continue
		}
		var sectors []recorded
		for _, p := range pending {
			for at := 0; at < len(p.b); at += 512 {
				sectors = append(sectors, recorded{at: p.at + int64(at), b: p.b[at : at+512]})
			}
		}
		for _, backwards := range []bool{false, true} {
			restore := make([]recorded, 0, len(sectors))
			for i := range sectors {
				if backwards {
					i = len(sectors) - 1 - i
				}
				at := disk[sectors[i].at:][:512]
				restore = append(restore, recorded{at: sectors[i].at, b: bytes.Clone(at)})
				copy(at, sectors[i].b)
				check(disk)
			}
			if !backwards {
				for _, w := range restore {
					copy(disk[w.at:], w.b)
				}
			}
		}
		pending = nil
	}
	if len(pending) > 0 {
		t.Errorf("%d writes are not synced at the end", len(pending))
	}
	return disk
}

// The power fails after each single sector of making the volume: the next boot finds nothing and makes it, or finds all of it.
func TestAPowerCutWhileTheVolumeIsMadeLeavesNothingOrAllOfIt(t *testing.T) {
	s, fs := smallImage(t)
	start := testImage(t)
	first := decideFor(t, start)
	if first.Verb != Create || first.Place.First != usualStart {
		t.Fatalf("on a fresh disk: got %+v, want it made at sector %d", first, usualStart)
	}
	r := &recorder{disk: bytes.Clone(start)}
	if err := prepare(r, first, s); err != nil {
		t.Fatal(err)
	}

	seen, cuts := map[Verb]int{}, 0
	check := func(disk []byte) {
		cuts++
		a := decideFor(t, disk)
		seen[a.Verb]++
		switch a.Verb {
		case Create:
		case Adopt, Mount:
			if got := disk[a.Place.First*512:][:len(fs)]; a.Place.First != usualStart || !bytes.Equal(got, fs) {
				t.Fatalf("cut %d: an incomplete file system would be mounted", cuts)
			}
		default:
			t.Fatalf("cut %d: got %v: %s", cuts, a.Verb, a.Reason)
		}
	}
	disk := cutEverywhere(t, start, r.writes, check)
	wantOwn(t, disk)
	if !bytes.Equal(disk, r.disk) || decideFor(t, disk).Verb != Mount {
		t.Error("in the end the volume is not found")
	}
	if seen[Create] == 0 || seen[Adopt] == 0 || seen[Mount] == 0 || cuts < 2*320*8 {
		t.Errorf("%d cuts were tried, with these decisions: %v", cuts, seen)
	}
	if end := disk[(usualStart*512)+len(fs):][:4]; string(end) != "old!" {
		t.Error("more was written than the file system")
	}
	if layers := disk[testLayers.First*512 : (testLayers.Last+1)*512]; !bytes.Equal(layers, start[testLayers.First*512:(testLayers.Last+1)*512]) {
		t.Error("the layers were written to")
	}
	if c, err := gpt.Read(bytes.NewReader(disk), testSectors); err != nil || c.Table.Partitions[1].Type != gpt.Layers || c.Table.Partitions[2].Type != PartitionType {
		t.Errorf("in the end the table is %+v, %v", c.Table, err)
	}
}

func TestAMarkedVolumeIsMadeAnewWhereItIs(t *testing.T) {
	s, fs := smallImage(t)
	made := &recorder{disk: testImage(t)}
	a := decideFor(t, made.disk)
	if err := prepare(made, a, s); err != nil {
		t.Fatal(err)
	}
	at := made.disk[a.Place.First*512:]
	copy(at[20*sparse.BlockSize:], "what was kept there")
	copy(at, mark())
	again := decideFor(t, made.disk)
	if again.Verb != Create || again.Place.First != a.Place.First || again.Place.Last != a.Place.Last {
		t.Fatalf("got %+v, want it made in %+v", again, a.Place)
	}
	r := &recorder{disk: bytes.Clone(made.disk)}
	if err := prepare(r, again, s); err != nil {
		t.Fatal(err)
	}
	cuts := 0
	end := cutEverywhere(t, made.disk, r.writes, func(disk []byte) {
		cuts++
		switch a := decideFor(t, disk); a.Verb {
		case Create:
		case Mount:
			if !bytes.Equal(disk[a.Place.First*512:][:len(fs)], fs) {
				t.Fatalf("cut %d: an incomplete file system would be mounted", cuts)
			}
		default:
			t.Fatalf("cut %d: got %v: %s", cuts, a.Verb, a.Reason)
		}
	})
	if a := decideFor(t, end); a.Verb != Mount || a.Number != again.Number {
		t.Errorf("in the end got %+v, want it mounted", a)
	}
}

func TestAnImageWrittenOverTheDiskAdoptsTheVolume(t *testing.T) {
	s, fs := smallImage(t)
	r := &recorder{disk: testImage(t)}
	a := decideFor(t, r.disk)
	if err := prepare(r, a, s); err != nil {
		t.Fatal(err)
	}
	copy(r.disk, testImage(t)[:4<<20])
	a = decideFor(t, r.disk)
	if a.Verb != Adopt || a.Place.First != usualStart || a.Place.FileSystem.Size != int64(len(fs)) {
		t.Fatalf("got %+v, want it adopted", a)
	}
	before := bytes.Clone(r.disk[usualStart*512:][:len(fs)])
	if err := prepare(r, a, sparse.Image{}); err != nil {
		t.Fatal(err)
	}
	wantOwn(t, r.disk)
	if decideFor(t, r.disk).Verb != Mount || !bytes.Equal(before, r.disk[usualStart*512:][:len(fs)]) {
		t.Error("the file system was touched, or is not found afterwards")
	}
}

func TestASeedWithoutASuperblockIsNotWritten(t *testing.T) {
	r := &recorder{disk: make([]byte, 1<<20)}
	s, err := sparse.Read(bytes.NewReader(make([]byte, 8*sparse.BlockSize)), 8*sparse.BlockSize)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeImage(r, s, 0); err == nil || len(r.writes) > 0 {
		t.Errorf("got %v after %d writes, want an error before the first", err, len(r.writes))
	}
}

func TestAWriteErrorEndsTheWork(t *testing.T) {
	s, _ := smallImage(t)
	r := &recorder{disk: testImage(t)}
	a := decideFor(t, r.disk)
	r.disk = r.disk[:70<<20] // the rest of the disk takes no writes
	if err := prepare(r, a, s); err == nil {
		t.Error("the partition table could not be written, and nothing was said")
	}
	if c, err := gpt.Read(bytes.NewReader(r.disk), uint64(len(r.disk)/512)); err != nil || c.Table.Sectors != 4*sectorsPerMiB {
		t.Errorf("got table %+v, %v; want the image's", c.Table, err)
	}
}
