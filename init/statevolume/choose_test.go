package statevolume

import (
	"strings"
	"testing"

	"bantam/gpt"
)

// Which disk is used, by what the initrd says of the disk that it was read from and what the disks say of themselves.
func TestTheDiskThatTheMachineWasStartedFromIsUsed(t *testing.T) {
	origin := func(own string) *gpt.Origin {
		o := gpt.Origin{Image: testGUID, Sector: originSector}
		if own != "" {
			o.Disk = ownOf(own)
		}
		return &o
	}
	fresh := gpt.DeriveGUID("fresh", "disk")
	intact := FileSystem{Condition: Intact, Size: 16 << 20}
	disk := func(name string, o *gpt.Origin, volume bool) Disk {
		c := table(1024*sectorsPerMiB, esp)
		d := Disk{Name: name, SectorSize: 512, Copies: c, Origin: o}
		if o != nil && !o.Disk.IsZero() {
			d.Copies.Table = d.Copies.Table.WithDisk(o.Disk)
		}
		if volume {
			d.State, d.Number = &Place{First: usualStart, Last: usualStart + minSectors - 1, FileSystem: intact}, 2
		} else {
			d.Free = []Place{{First: usualStart, Last: usualStart + minSectors - 1}}
		}
		return d
	}
	readOnly := func(d Disk) Disk { d.ReadOnly = true; return d }
	renamed := func(d Disk) Disk { d.Copies.Table = d.Copies.Table.WithDisk(testGUID); return d }
	for name, c := range map[string]struct {
		origin *gpt.Origin
		disks  []Disk
		verb   Verb
		on     string
		own    gpt.GUID // what the table has afterwards
		writes bool     // into the origin
		says   string   // in note or reason
	}{
		"a new disk":                              {origin(""), []Disk{disk("vda", origin(""), false)}, Create, "vda", fresh, true, ""},
		"a used disk":                             {origin("a"), []Disk{disk("vda", origin("a"), true)}, Mount, "vda", ownOf("a"), false, ""},
		"a new stick beside a used disk":          {origin(""), []Disk{disk("nvme0n1", origin("n"), true), disk("sda", origin(""), false)}, Create, "sda", fresh, true, ""},
		"a used disk beside a new stick":          {origin("n"), []Disk{disk("nvme0n1", origin("n"), true), disk("sda", origin(""), false)}, Mount, "nvme0n1", ownOf("n"), false, ""},
		"two used disks":                          {origin("b"), []Disk{disk("vda", origin("a"), true), disk("vdb", origin("b"), true)}, Mount, "vdb", ownOf("b"), false, ""},
		"a used disk whose volume is gone":        {origin("b"), []Disk{disk("vda", origin("a"), true), disk("vdb", origin("b"), false)}, Create, "vdb", ownOf("b"), false, ""},
		"two new disks":                           {origin(""), []Disk{disk("vda", origin(""), false), disk("vdb", origin(""), false)}, Create, "vda", testGUID, false, "vda is used, not vdb; nothing tells"},
		"two new disks, one has a volume":         {origin(""), []Disk{disk("vda", origin(""), false), disk("vdb", origin(""), true)}, Mount, "vdb", testGUID, false, "vdb is used, not vda; nothing tells"},
		"a copy of a used disk":                   {origin("a"), []Disk{disk("vda", origin("a"), true), disk("vdb", origin("a"), true)}, Mount, "vda", ownOf("a"), false, "2 disks carry this image; vda is used, not vdb; nothing tells"},
		"what was ambiguous and is not any more":  {origin(""), []Disk{disk("vda", origin(""), true)}, Mount, "vda", fresh, true, ""},
		"the power went before the table changed": {origin("a"), []Disk{renamed(disk("vda", origin("a"), true))}, Mount, "vda", ownOf("a"), false, ""},
		"the stick was unplugged meanwhile":       {origin(""), []Disk{disk("nvme0n1", origin("n"), true)}, UseMemory, "", gpt.GUID{}, false, "the disk that this machine was started from is not there; nvme0n1: the same image"},
		"a disk that does not say what it is":     {origin(""), []Disk{disk("vda", nil, true)}, UseMemory, "", gpt.GUID{}, false, "started from is not there; vda"},
		"started from a write-protected stick":    {origin(""), []Disk{disk("nvme0n1", origin("n"), true), readOnly(disk("sda", origin(""), false))}, UseMemory, "", gpt.GUID{}, false, "sda is read-only"},
		"an older image":                          {nil, []Disk{disk("vda", nil, true)}, Mount, "vda", testGUID, false, ""},
		"an older image on two disks":             {nil, []Disk{disk("vda", nil, false), disk("vdb", nil, true)}, Mount, "vdb", testGUID, false, "vdb is used, not vda"},
	} {
		a := Decide(Facts{GUID: testGUID.String(), Origin: c.origin, Fresh: fresh, HaveSeed: true, Disks: c.disks})
		if a.Verb != c.verb || a.Disk.Name != c.on || a.Table.Disk != c.own || a.Own.IsZero() == c.writes {
			t.Errorf("%s: got verb %v on %q, table %v, own %v: %s; want %v on %q, %v", name, a.Verb, a.Disk.Name, a.Table.Disk, a.Own, a.Reason, c.verb, c.on, c.own)
		}
		if said := a.Note + a.Reason; !strings.Contains(said, c.says) || c.says == "" && said != "" {
			t.Errorf("%s: said %q, want %q", name, said, c.says)
		}
		if wants := c.verb == Create || c.writes || a.Verb == Mount && c.disks[0].Copies.Table.Disk == testGUID && c.own != testGUID; a.Changes() != wants && a.Verb != UseMemory {
			t.Errorf("%s: changes the disk: %v", name, a.Changes())
		}
	}
}

func ownOf(name string) gpt.GUID {
	return gpt.DeriveGUID(name, "disk")
}
