package statevolume

import (
	"encoding/binary"
	"strings"
	"testing"

	"bantam/gpt"
)

func table(sectors uint64, parts ...gpt.Partition) gpt.Copies {
	return gpt.Copies{Table: gpt.Table{Disk: testGUID, Sectors: 8192, Partitions: parts}, DiskSectors: sectors, BackupErr: gpt.ErrNone}
}

func TestDecide(t *testing.T) {
	const gib = 1024 * sectorsPerMiB
	esp := gpt.Partition{Type: gpt.ESP, First: 400, Last: 8000}
	intact := FileSystem{Condition: Intact, Size: 16 << 20}
	damaged := FileSystem{Condition: Damaged, Reason: "the kernel has marked it as having errors"}
	unwanted := FileSystem{Condition: Unwanted}
	free := func(fs FileSystem) []Place {
		return []Place{{First: usualStart, Last: gib - sectorsPerMiB - 1, FileSystem: fs}}
	}
	disk := func(change func(d *Disk)) []Disk {
		d := Disk{Name: "vda", SectorSize: 512, Copies: table(gib, esp), Free: free(FileSystem{})}
		if change != nil {
			change(&d)
		}
		return []Disk{d}
	}
	state := func(fs FileSystem) func(d *Disk) {
		return func(d *Disk) {
			d.State, d.Number, d.Free = &Place{First: usualStart, Last: usualStart + minSectors - 1, FileSystem: fs}, 2, nil
		}
	}
	facts := func(disks []Disk) Facts { return Facts{GUID: testGUID.String(), HaveSeed: true, Disks: disks} }

	for name, c := range map[string]struct {
		facts  Facts
		verb   Verb
		reason string
		on     string
	}{
		"the medium says memory":          {Facts{MemoryWanted: true, GUID: testGUID.String(), Disks: disk(nil)}, UseMemory, "runs from memory", ""},
		"no disk is named":                {Facts{}, UseMemory, "names no disk", ""},
		"the disk is not there":           {facts(nil), UseMemory, "no disk has the GUID " + testGUID.String(), ""},
		"a disk that cannot be read":      {Facts{GUID: testGUID.String(), Unreadable: []string{"sda: input/output error"}}, UseMemory, "sda: input/output error", ""},
		"a fresh disk":                    {facts(disk(nil)), Create, "", "vda"},
		"a fresh disk and no template":    {Facts{GUID: testGUID.String(), Disks: disk(nil)}, UseMemory, "state.template", ""},
		"a disk without room":             {facts(disk(func(d *Disk) { d.Free = nil })), UseMemory, "no 32 MiB free", ""},
		"a fresh disk that is read-only":  {facts(disk(func(d *Disk) { d.ReadOnly = true })), UseMemory, "read-only", ""},
		"sectors of 4096 bytes":           {facts(disk(func(d *Disk) { d.SectorSize = 4096 })), UseMemory, "sectors of 4096", ""},
		"a volume":                        {facts(disk(state(intact))), Mount, "", "vda"},
		"a volume and no template":        {Facts{GUID: testGUID.String(), Disks: disk(state(intact))}, Mount, "", "vda"},
		"a marked volume and no template": {Facts{GUID: testGUID.String(), Disks: disk(state(unwanted))}, UseMemory, "state.template", ""},
		"a marked place":                  {facts(disk(func(d *Disk) { d.Free = free(unwanted) })), Create, "", "vda"},
		"a marked volume on a read-only disk": {facts(disk(func(d *Disk) {
			state(unwanted)(d)
			d.ReadOnly = true
		})), UseMemory, "read-only", ""},
		"a volume with the error flag":         {facts(disk(state(damaged))), Distrust, "marked it as having errors; it is left untouched", "vda"},
		"a partition that holds nothing of us": {facts(disk(state(FileSystem{Reason: "it holds no ext4 file system"}))), Distrust, "no ext4", "vda"},
		"a volume larger than its partition":   {facts(disk(state(FileSystem{Condition: Intact, Size: 33 << 20}))), Distrust, "larger than its partition", "vda"},
		"a volume exactly as large":            {facts(disk(state(FileSystem{Condition: Intact, Size: 32 << 20}))), Mount, "", "vda"},
		"a volume on a read-only disk": {facts(disk(func(d *Disk) {
			state(intact)(d)
			d.ReadOnly = true
		})), UseMemory, "read-only", ""},
		"a volume without its partition":            {facts(disk(func(d *Disk) { d.Free = free(intact) })), Adopt, "", "vda"},
		"a damaged volume without its partition":    {facts(disk(func(d *Disk) { d.Free = free(damaged) })), Distrust, "left untouched", "vda"},
		"one without partition that no longer fits": {facts(disk(func(d *Disk) { d.Free = free(FileSystem{Condition: Intact, Size: 1 << 40}) })), Distrust, "larger than the room", "vda"},
		"a full partition table":                    {facts(disk(func(d *Disk) { d.Copies.Table.Partitions = full() })), UseMemory, "no free entry", ""},
		"two disks, the second has the volume":      {facts(append(disk(nil), disk(func(d *Disk) { state(intact)(d); d.Name = "sdb" })...)), Mount, "", "sdb"},
		"two disks, the first is read-only":         {facts(append(disk(func(d *Disk) { d.ReadOnly = true }), disk(func(d *Disk) { d.Name = "sdb" })...)), Create, "", "sdb"},
		"an older volume elsewhere is taken instead": {facts(disk(func(d *Disk) {
			d.Free = append([]Place{{First: 16384, Last: 2 * usualStart, FileSystem: intact}}, d.Free...)
		})), Adopt, "", "vda"},
	} {
		a := Decide(c.facts)
		if a.Verb != c.verb || !strings.Contains(a.Reason, c.reason) || (c.reason == "") != (a.Reason == "") || a.Disk.Name != c.on {
			t.Errorf("%s: got verb %v on %q, reason %q; want %v on %q, %q", name, a.Verb, a.Disk.Name, a.Reason, c.verb, c.on, c.reason)
		}
		if len(c.facts.Disks) == 2 && !strings.Contains(a.Note, "2 disks carry this image; sdb is used, not vda") {
			t.Errorf("%s: got note %q", name, a.Note)
		}
		if a.Verb == Create || a.Verb == Adopt {
			number, p := a.Table.Find(PartitionType)
			if number != 2 || a.Number != 2 || p.First != a.Place.First || p.Last != a.Place.Last || p.Name != "bantam-state" || a.Table.Sectors != gib {
				t.Errorf("%s: got partition %d %+v in a table of %d sectors", name, number, p, a.Table.Sectors)
			}
		}
	}
	marked := disk(state(unwanted))
	if a := Decide(facts(marked)); a.Verb != Create || a.Place != *marked[0].State || a.Number != 2 {
		t.Errorf("a volume that is marked: got %+v, want it made where it is", a)
	}
}

func full() []gpt.Partition {
	var parts []gpt.Partition
	for i := range uint64(128) {
		parts = append(parts, gpt.Partition{Type: gpt.ESP, First: 100 + i, Last: 100 + i})
	}
	return parts
}

func TestInspect(t *testing.T) {
	le := binary.LittleEndian
	for name, c := range map[string]struct {
		change    func(sb []byte)
		condition Condition
		reason    string
	}{
		"as made":                            {nil, Intact, ""},
		"in need of a journal replay":        {func(sb []byte) { le.PutUint16(sb[0x3A:], 0) }, Intact, ""},
		"another kind of content":            {func(sb []byte) { clear(sb) }, Foreign, "no ext4"},
		"somebody else's ext4":               {func(sb []byte) { copy(sb[0x78:], "root\x00") }, Foreign, `labelled "root`},
		"marked as having errors":            {func(sb []byte) { le.PutUint16(sb[0x3A:], 1|2) }, Damaged, "marked"},
		"with counted errors":                {func(sb []byte) { le.PutUint32(sb[0x194:], 7) }, Damaged, "7 errors"},
		"without checksums":                  {func(sb []byte) { le.PutUint32(sb[0x64:], 0) }, Damaged, "no checksum"},
		"with a feature of the future":       {func(sb []byte) { le.PutUint32(sb[0x60:], 0x10000) }, Damaged, "unknown features"},
		"with a read-only feature":           {func(sb []byte) { le.PutUint32(sb[0x64:], metadataCsum|0x8000) }, Damaged, "unknown features"},
		"without size":                       {func(sb []byte) { le.PutUint32(sb[0x04:], 0) }, Damaged, "size"},
		"with a size no disk has":            {func(sb []byte) { le.PutUint32(sb[0x150:], 0x7FFFFFFF) }, Damaged, "size"},
		"with blocks of a size we never use": {func(sb []byte) { le.PutUint32(sb[0x18:], 0) }, Damaged, "size"},
	} {
		got := inspect(superblock(4096, c.change))
		if got.Condition != c.condition || !strings.Contains(got.Reason, c.reason) {
			t.Errorf("%s: got %+v, want condition %d and a reason with %q", name, got, c.condition, c.reason)
		}
		if got.Condition == Intact && got.Size != 16<<20 {
			t.Errorf("%s: got size %d, want 16 MiB", name, got.Size)
		}
	}
	for i := range 0x3FC {
		sb := superblock(4096, nil)
		sb[i] ^= 4
		if inspect(sb).Condition == Intact {
			t.Errorf("a flipped bit in byte %#x of the superblock was not noticed", i)
		}
	}
}

func FuzzInspect(f *testing.F) {
	f.Add(superblock(4096, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		sb := superblock(1, func(sb []byte) { copy(sb, b) })
		if got := inspect(sb); got.Condition == Intact && (got.Size <= 0 || got.Size%4096 != 0) {
			t.Errorf("an intact file system of %d bytes", got.Size)
		}
	})
}
