package flashmap

import (
	"reflect"
	"strings"
	"testing"
)

func nor() Map {
	return Map{Kind: NOR, Size: 1 << 24, EraseBlock: 1 << 16, Compatible: []string{"gnubee,gb-pc1"}, Areas: []Area{
		{Name: "u-boot", Size: 0x30000, Use: Loader},
		{Name: "u-boot-env", Offset: 0x30000, Size: 0x10000, Use: Environment},
		{Name: "factory", Offset: 0x40000, Size: 0x10000, Use: Factory},
		{Name: "firmware", Offset: 0x50000, Size: 0xa00000, Use: Firmware},
		{Name: "state", Offset: 0xa50000, Size: 0x5b0000, Use: State},
	}}
}

func nand() Map {
	return Map{Kind: UBI, Size: 1 << 27, EraseBlock: 1 << 17, Page: 2048, Areas: []Area{
		{Name: "u-boot", Size: 0x80000, Use: Loader},
		{Name: "ubi", Offset: 0x80000, Size: 0x7f80000, Use: Volumes, Volume: "fit"},
	}}
}

func TestADeviceReadsWhatTheImageWasGiven(t *testing.T) {
	for _, m := range []Map{nor(), nand()} {
		if got, err := Parse(m.Encode()); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s\nread as %+v, %v", m.Encode(), got, err)
		}
	}
}

func TestADamagedMapIsNone(t *testing.T) {
	text := string(nor().Encode())
	for i := range text {
		if _, err := Parse([]byte(text[:i])); err == nil && i < len(text)-1 {
			// What is cut at the end of a line is a whole map with fewer areas, if the firmware's is among them.
			if text[i-1] != '\n' && text[i] != '\n' && !strings.Contains(text[:i], "area firmware 327680 10485760 firmware ") {
				t.Errorf("cut after %d bytes it is read", i)
			}
		}
	}
	for _, bad := range []string{"", "chip nor x 65536 0\n", "chip nor 16777216 65536 0\n", strings.Replace(text, "area state", "area firmware", 1), text + "more\n"} {
		if m, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%q is read as %+v", bad, m)
		}
	}
}

func TestRoomIsWhatIsLeftWhenAsManyBlocksAreBadAsMayBe(t *testing.T) {
	if got, what := nor().Room(); got != 0xa00000 || what != "area firmware" {
		t.Errorf("%d, %s", got, what)
	}
	// 1020 blocks in the area, 20 bad, 4 of UBI, 2 pages of each block for its headers.
	if got, what := nand().Room(); got != 996*(1<<17-4096) || what != "UBI in area ubi" {
		t.Errorf("%d, %s", got, what)
	}
}

func TestWhatCannotBeIsToldWithItsKey(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Map)
		area   int
		key    string
		want   string
	}{
		{"another kind", func(m *Map) { m.Kind = "spi" }, -1, "kind", `"spi" is no kind of flash`},
		{"a page of NOR", func(m *Map) { m.Page = 2048 }, -1, "page", "NOR is written byte by byte"},
		{"NAND without a page", func(m *Map) { *m = nand(); m.Page = 0 }, -1, "page", "0 is no page of NAND"},
		{"no erase block", func(m *Map) { m.EraseBlock = 0 }, -1, "erase_block", "0 bytes are no erase block"},
		{"no size", func(m *Map) { m.Size = 0 }, -1, "size", "0 is no size of a chip"},
		{"half a block", func(m *Map) { m.Size -= 1 }, -1, "size", "16777215 is no size"},
		{"a name with a space", func(m *Map) { m.Compatible[0] = "a b" }, -1, "compatible", `"a b" is no name`},
		{"a name twice", func(m *Map) { m.Compatible = []string{"a", "a"} }, -1, "compatible", "is there twice"},
		{"areas that overlap", func(m *Map) { m.Areas[3].Offset -= 0x10000 }, 3, "offset", "area firmware: it begins at 0x40000, and factory before it ends at 0x50000"},
		{"an area within a block", func(m *Map) { m.Areas[3].Offset += 0x1000 }, 3, "offset", "offset 0x51000 is not at an erase block: want a multiple of 0x10000"},
		{"an area of part of a block", func(m *Map) { m.Areas[3].Size -= 1 }, 3, "size", "size 0x9fffff is not at an erase block"},
		{"an empty area", func(m *Map) { m.Areas[3].Size = 0 }, 3, "size", "size 0x0"},
		{"beyond the chip", func(m *Map) { m.Areas[4].Size += 0x10000 }, 4, "size", "it ends at 0x1010000, and the chip at 0x1000000"},
		{"beyond all numbers", func(m *Map) { m.Areas[4].Offset = 1<<63 - 1<<16 }, 4, "size", "and the chip at 0x1000000"},
		{"no firmware", func(m *Map) { m.Areas[3].Use = Loader }, -1, "area", "no area is for the firmware"},
		{"an unknown use", func(m *Map) { m.Areas[2].Use = "art" }, 2, "use", `area factory: use: "art" is none of these`},
		{"two for state", func(m *Map) { m.Areas[1].Use = State }, 4, "use", "u-boot-env is for state already"},
		{"two of a name", func(m *Map) { m.Areas[4].Name = "factory" }, 4, "name", `two called "factory"`},
		{"no name", func(m *Map) { m.Areas[4].Name = "" }, 4, "name", `"" is no name`},
		{"a volume in NOR", func(m *Map) { m.Areas[4].Use, m.Areas[4].Volume = Volumes, "fit" }, 4, "use", "a boot loader finds no volume in NOR"},
		{"a volume that is none", func(m *Map) { m.Areas[3].Volume = "fit" }, 3, "volume", `volume is for areas with use = "ubi"`},
		{"too little for UBI", func(m *Map) { m.Areas[4].Size = 0x100000 }, 4, "size", "16 erase blocks are too few for UBI and files in it: want 24"},
		{"no volume to start", func(m *Map) { *m = nand(); m.Areas[1].Volume = "" }, 1, "volume", `"" is no volume that the boot loader starts`},
		{"the state volume", func(m *Map) { *m = nand(); m.Areas[1].Volume = "state" }, 1, "volume", "volume state is the state volume's name"},
		{"no UBI on NAND", func(m *Map) { *m = nand(); m.Areas = m.Areas[:1] }, -1, "area", "no area is for UBI"},
		{"raw firmware on NAND", func(m *Map) { *m = nand(); m.Areas[0].Use = Firmware }, -1, "area", "blocks in an area of firmware may be bad"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := nor()
			test.change(&m)
			var all []string
			for _, f := range m.Check() {
				if f.Area == test.area && f.Key == test.key && strings.Contains(f.Message, test.want) {
					return
				}
				all = append(all, f.Message)
			}
			t.Errorf("no fault of area %d, %s says %q:\n%s", test.area, test.key, test.want, strings.Join(all, "\n"))
		})
	}
	for _, m := range []Map{nor(), nand()} {
		if faults := m.Check(); len(faults) > 0 {
			t.Errorf("%+v", faults)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(nor().Encode())
	f.Add(nand().Encode())
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(m.Encode()); err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%+v is written, and read as %+v, %v", m, again, err)
		}
		if room, _ := m.Room(); room < 0 || room > m.Size {
			t.Errorf("room for %d bytes on a chip of %d", room, m.Size)
		}
	})
}
