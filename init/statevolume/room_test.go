package statevolume

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bantam/gpt"
	"bantam/init/statevolume/sparse"
)

func TestFreePlaces(t *testing.T) {
	const mib = sectorsPerMiB
	part := func(first, last uint64) gpt.Partition { return gpt.Partition{Type: gpt.ESP, First: first, Last: last} }
	layers := func(first, last uint64) gpt.Partition {
		return gpt.Partition{Type: gpt.Layers, First: first, Last: last}
	}
	slotA := func(first, last uint64) gpt.Partition {
		return gpt.Partition{Type: gpt.Slot, First: first, Last: last}
	}
	for name, c := range map[string]struct {
		copies gpt.Copies
		want   []Place
	}{
		"behind 64 MiB on a large disk":          {table(1024*mib, part(400, 8000)), []Place{{First: 64 * mib, Last: 1023*mib - 1}}},
		"behind the image if that is larger":     {table(1024*mib, part(400, 70*mib+5)), []Place{{First: 71 * mib, Last: 1023*mib - 1}}},
		"straight behind it if it ends a MiB":    {table(1024*mib, part(400, 70*mib-1)), []Place{{First: 70 * mib, Last: 1023*mib - 1}}},
		"behind 64 MiB if just 32 are left":      {table(97*mib, part(400, 8000)), []Place{{First: 64 * mib, Last: 96*mib - 1}}},
		"behind the image on a small disk":       {table(96*mib+32, part(400, 8000)), []Place{{First: 4 * mib, Last: 95*mib - 1}}},
		"with just 32 MiB behind the image":      {table(36*mib+33, part(400, 8000)), []Place{{First: 4 * mib, Last: 36*mib - 1}}},
		"nowhere with a sector less":             {table(36*mib+32, part(400, 8000)), nil},
		"nowhere if another partition is behind": {table(40*mib, part(400, 8000), part(20*mib, 39*mib)), nil},
		"before somebody's partition":            {table(1024*mib, part(400, 8000), part(150*mib, 1023*mib)), []Place{{First: 64 * mib, Last: 150*mib - 1}}},
		"in the largest gap, whatever the order": {table(1024*mib, part(900*mib, 901*mib), part(400, 8000), part(100*mib, 150*mib)), []Place{{First: 151 * mib, Last: 900*mib - 1}}},
		"below 64 MiB if there is no other room": {table(1024*mib, part(400, 8000), part(70*mib, 1023*mib)), []Place{{First: 4 * mib, Last: 70*mib - 1}}},
		"between neighbours that end within MiB": {table(1024*mib, part(400, 8000), part(8001, 100*mib+3), part(140*mib+7, 1023*mib)), []Place{{First: 101 * mib, Last: 140*mib - 1}}},
		"nowhere without an image":               {table(1024 * mib), nil},
		"behind layers of 70 MiB":                {table(1024*mib, part(400, 8000), layers(8008, 70*mib+5)), []Place{{First: 71 * mib, Last: 1023*mib - 1}}},
		"behind layers on a small disk":          {table(96*mib+32, part(400, 8000), layers(8008, 20*mib-1)), []Place{{First: 20 * mib, Last: 95*mib - 1}}},
		"nowhere if layers leave no room":        {table(40*mib, part(400, 8000), layers(8008, 10*mib)), nil},
		"behind slot A if nothing starts it":     {table(96*mib+32, layers(400, 8000), slotA(8008, 20*mib-1)), []Place{{First: 20 * mib, Last: 95*mib - 1}}},
		"behind a sixteenth of the disk":         {table(8192*mib+100, part(400, 8000), layers(8008, 70*mib)), []Place{{First: 512 * mib, Last: 8192*mib - 1}}},
		"behind a GiB of a very large one":       {table(1<<40, part(400, 8000)), []Place{{First: 1024 * mib, Last: 1<<40 - mib - 1}}},
		"nearer if the GiB is not free":          {table(8192*mib, part(400, 8000), part(400*mib, 8191*mib)), []Place{{First: 4 * mib, Last: 400*mib - 1}}},
	} {
		got := freePlaces(c.copies)
		if len(got) != len(c.want) || len(got) > 0 && (got[0].First != c.want[0].First || got[0].Last != c.want[0].Last) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}

	c := table(1024*mib, part(400, 8000))
	c.BackupErr, c.AtEnd = nil, gpt.Table{Sectors: 1024 * mib, Partitions: []gpt.Partition{part(400, 9000), {Type: PartitionType, First: 9 * mib, Last: 900*mib - 1}}}
	if got := freePlaces(c); len(got) != 2 || got[0].First != 9*mib || got[1].First != 64*mib {
		t.Errorf("with an older table at the end: got %+v, want its place first", got)
	}
	c.Table.Partitions[0].Last = 9 * mib
	if got := freePlaces(c); len(got) != 1 || got[0].First != 64*mib {
		t.Errorf("with an image over the older volume: got %+v, want the usual place only", got)
	}
}

// An image is written over a disk of an older one that was larger or smaller, with layers or without.
func TestWhatAnOlderTableKnows(t *testing.T) {
	const mib = sectorsPerMiB
	part := func(kind gpt.GUID, first, last uint64, name string) gpt.Partition {
		return gpt.Partition{Type: kind, ID: gpt.DeriveGUID(name, "test"), First: first, Last: last, Name: name}
	}
	esp := part(gpt.ESP, 400, 4000, "esp")
	layers := part(gpt.Layers, 4008, 8000, "layers")
	older := part(gpt.Layers, 20*mib, 30*mib-1, "older layers")
	state := part(PartitionType, 64*mib, 200*mib-1, "state")
	mine := part(gpt.DeriveGUID("mine", "type"), 300*mib, 400*mib-1, "mine")
	for name, c := range map[string]struct {
		image, old []gpt.Partition
		want       string // names in the order of their numbers
	}{
		"without layers before":                {[]gpt.Partition{esp, layers}, []gpt.Partition{esp, state, mine}, "esp layers mine"},
		"without layers now":                   {[]gpt.Partition{esp}, []gpt.Partition{esp, older, state, mine}, "esp - - mine"},
		"with other layers":                    {[]gpt.Partition{esp, layers}, []gpt.Partition{esp, older, state, mine}, "esp layers - mine"},
		"somebody's has the number of layers":  {[]gpt.Partition{esp, layers}, []gpt.Partition{esp, mine, state}, "esp layers mine"},
		"somebody's lies where layers now lie": {[]gpt.Partition{esp, part(gpt.Layers, 4008, 350*mib, "layers")}, []gpt.Partition{esp, mine, state}, "esp layers"},
	} {
		copies := table(1024*mib, c.image...)
		copies.Table.Sectors = c.image[len(c.image)-1].Last + 1000
		copies.BackupErr, copies.AtEnd = nil, gpt.Table{Sectors: 1024 * mib, Partitions: c.old}
		got := known(copies)
		if err := got.Verify(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var names []string
		for _, p := range got.Partitions {
			if p.Type.IsZero() {
				p.Name = "-"
			}
			names = append(names, p.Name)
		}
		if list := strings.Join(names, " "); list != c.want {
			t.Errorf("%s: got %q, want %q", name, list, c.want)
		}
	}
}

func sgdisk(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("/usr/sbin/sgdisk", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("sgdisk %q (apt-get install gdisk): %v\n%s", args, err, out)
	}
	return string(out)
}

// Somebody has made a partition of his own before the first boot. It stays as it is: when the volume is made before it,
// and when an image is written over the disk afterwards, whose table knows nothing of it.
func TestThePartitionsOfPeopleStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk")
	image := testImage(t)[:4<<20]
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 400<<20); err != nil {
		t.Fatal(err)
	}
	sgdisk(t, "-e", "-n", "5:150M:200M", "-t", "5:8300", "-c", "5:mine", "-n", "7:390M:0", path)
	owned := sgdisk(t, "-i", "5", path) + sgdisk(t, "-i", "7", path)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, fs := smallImage(t)
	// read is what the next boot sees, without the 400 MiB in memory at once.
	next := func(what string, want Verb) Action {
		t.Helper()
		c, err := gpt.Read(f, 400*sectorsPerMiB)
		if err != nil {
			t.Fatal(err)
		}
		d, err := survey("vda", f, c, false, 512)
		if err != nil {
			t.Fatal(err)
		}
		a := Decide(Facts{GUID: testGUID.String(), HaveSeed: true, Disks: []Disk{d}})
		if a.Verb != want || a.Place.First != 201*sectorsPerMiB || a.Place.Last != 390*sectorsPerMiB-1 {
			t.Fatalf("%s: got %v in %+v: %s; want %v from 201 to 390 MiB", what, a.Verb, a.Place, a.Reason, want)
		}
		return a
	}
	intact := func(what string) {
		t.Helper()
		if out := sgdisk(t, "-v", path); !strings.Contains(out, "No problems found") {
			t.Errorf("%s: sgdisk -v:\n%s", what, out)
		}
		if got := sgdisk(t, "-i", "5", path) + sgdisk(t, "-i", "7", path); got != owned {
			t.Errorf("%s: their partitions are\n%swere\n%s", what, got, owned)
		}
		got := make([]byte, len(fs))
		if _, err := f.ReadAt(got, 201<<20); err != nil || !bytes.Equal(got, fs) {
			t.Errorf("%s: the file system is not as it was made, %v", what, err)
		}
	}
	if err := prepare(f, next("a disk with partitions of somebody", Create), s); err != nil {
		t.Fatal(err)
	}
	intact("made")
	next("the next boot", Mount)
	if _, err := f.WriteAt(image, 0); err != nil {
		t.Fatal(err)
	}
	if err := prepare(f, next("an image written over it", Adopt), sparse.Image{}); err != nil {
		t.Fatal(err)
	}
	intact("adopted")
	next("the boot after that", Mount)
}

func TestARunOfLessThanAMiBHasNoAlignedEnd(t *testing.T) {
	for last, want := range map[uint64]uint64{0: 0, 33: 0, 2046: 0, 2047: 2047, 2048: 2047, 4095: 4095} {
		if got := alignedLast(last); got != want {
			t.Errorf("of a run to sector %d: %d, want %d", last, got, want)
		}
	}
}
