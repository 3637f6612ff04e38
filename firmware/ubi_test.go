package firmware

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

func exampleUBI(g UBIGeometry) UBI {
	one := noise(int(2*g.Usable())+999, 1)
	return UBI{UBIGeometry: g, Sequence: 0x01020304, Volumes: []UBIVolume{
		{ID: 0, Name: "fit", Static: true, Blocks: 4, Data: source(one)},
		{ID: 5, Name: "rootfs_data", Blocks: 9, Autoresize: true, Data: source(noise(5000, 2))},
		{ID: 2, Name: "empty", Blocks: 2},
		{ID: 1, Name: strings.Repeat("n", 127), Static: true, Blocks: 2, Data: source(noise(int(g.Usable()), 3))},
		{ID: 3, Name: "whole", Blocks: 1, Data: source(noise(int(g.Usable()), 4))},
	}}
}

var (
	nand    = UBIGeometry{EraseBlock: 128 << 10, Page: 2048}
	subpage = UBIGeometry{EraseBlock: 128 << 10, Page: 2048, VIDOffset: 512}
	nor     = UBIGeometry{EraseBlock: 64 << 10, Page: 1}
	small   = UBIGeometry{EraseBlock: 4 << 10, Page: 8}
)

// ubinize makes the same image.
func ubinize(t *testing.T, u UBI) []byte {
	t.Helper()
	files := map[string][]byte{}
	var ini strings.Builder
	for _, v := range u.Volumes {
		fmt.Fprintf(&ini, "[v%d]\nmode=ubi\nvol_id=%[1]d\nvol_name=%s\nvol_size=%d\n", v.ID, v.Name, int64(v.Blocks)*u.Usable())
		ini.WriteString(map[bool]string{true: "vol_type=static\n", false: "vol_type=dynamic\n"}[v.Static])
		if v.Autoresize {
			ini.WriteString("vol_flags=autoresize\n")
		}
		if v.Data != nil {
			fmt.Fprintf(&ini, "image=v%d\n", v.ID)
			files[fmt.Sprintf("v%d", v.ID)] = all(t, v.Data)
		}
	}
	files["ini"] = []byte(ini.String())
	dir := folder(t, files)
	command := []string{"ubinize", "-o", "made", "-m", fmt.Sprint(u.Page), "-p", fmt.Sprint(u.EraseBlock), "-Q", fmt.Sprint(u.Sequence)}
	if u.VIDOffset != 0 {
		command = append(command, "-s", fmt.Sprint(u.VIDOffset))
	}
	run(t, dir, "mtd-utils", append(command, "ini")...)
	return content(t, dir, "made")
}

func TestUBIImagesAreThoseOfUbinize(t *testing.T) {
	for _, g := range []UBIGeometry{nand, subpage, nor, small, {EraseBlock: 256 << 10, Page: 4096}, {EraseBlock: 128 << 10, Page: 2048, VIDOffset: 1024}} {
		want := exampleUBI(g)
		got := written(t, want.Write)
		if made := ubinize(t, want); !bytes.Equal(got, made) {
			t.Errorf("%+v: ubinize makes %d bytes, we %d others", g, len(made), len(got))
			continue
		}
		read, err := ReadUBI(source(got))
		if err != nil {
			t.Fatalf("%+v: %v", g, err)
		}
		if err := read.Verify(); err != nil {
			t.Error(err)
		}
		if read.Sequence != want.Sequence || read.EraseBlock != g.EraseBlock || read.vid() != g.vid() || read.data() != g.data() || len(read.Volumes) != len(want.Volumes) {
			t.Fatalf("%+v: read as %+v", g, read)
		}
		slices.SortFunc(want.Volumes, func(a, b UBIVolume) int { return a.ID - b.ID })
		for i, v := range want.Volumes {
			data, length := []byte(nil), int64(0)
			if is := read.Volumes[i]; is.Data != nil {
				data, length = all(t, is.Data), v.Data.Size()
				if !v.Static {
					length = roundUp(length, g.Usable())
				}
			}
			if int64(len(data)) != length || v.Data != nil && !bytes.HasPrefix(data, all(t, v.Data)) {
				t.Errorf("%+v: volume %q has %d bytes", g, v.Name, len(data))
			}
			is := read.Volumes[i]
			if is.Data, v.Data = nil, nil; is != v {
				t.Errorf("%+v: got %+v, want %+v", g, is, v)
			}
		}
	}
}

func verifyUBI(f Source) error {
	u, err := ReadUBI(f)
	if err != nil {
		return err
	}
	return u.Verify()
}

func TestDamagedUBIImages(t *testing.T) {
	u := exampleUBI(small)
	u.Volumes = u.Volumes[:2]
	b := written(t, u.Write)
	if err := verifyUBI(source(b)); err != nil {
		t.Fatal(err)
	}
	block := int(u.EraseBlock)
	eachTruncation(t, b[:3*block], verifyUBI)
	for blocks := range len(b) / block {
		if err := verifyUBI(source(b[:blocks*block])); blocks < 5 { // those of the static volume; a dynamic one may lack its last
			refused(t, fmt.Sprintf("%d erase blocks", blocks), err)
		}
	}
	refused(t, "a trailer", verifyUBI(source(append(bytes.Clone(b), "trailer"...))))
	refused(t, "an erase block of something else", verifyUBI(source(append(bytes.Clone(b), make([]byte, block)...))))
	if err := verifyUBI(source(append(bytes.Clone(b), bytes.Repeat([]byte{0xFF}, 2*block)...))); err != nil {
		t.Errorf("with erased blocks behind it: %v", err)
	}
	table := u.records() * ubiRecord
	for i := range len(b) / block {
		at := i * block
		eachFlip(b, at, at+64, func(bit int) { refused(t, fmt.Sprintf("bit %d of block %d", bit, i), verifyUBI(source(b))) })
		at += int(u.vid())
		eachFlip(b, at, at+64, func(bit int) {
			refused(t, fmt.Sprintf("bit %d of the header in block %d", bit, i), verifyUBI(source(b)))
		})
	}
	for _, i := range []int{0, 1} {
		at := i*block + int(u.data())
		eachFlip(b, at, at+table, func(bit int) { refused(t, fmt.Sprintf("bit %d of list %d", bit, i), verifyUBI(source(b))) })
	}
	data := 2*block + int(u.data())
	eachFlip(b, data, data+200, func(bit int) { refused(t, fmt.Sprintf("bit %d of the data", bit), verifyUBI(source(b))) })
}

// Headers that are whole and do not fit each other.
func TestUBIImagesThatContradictThemselves(t *testing.T) {
	u := exampleUBI(small)
	u.Volumes = u.Volumes[:1]
	image := written(t, u.Write)
	block := int(u.EraseBlock)
	seal := func(h []byte) { binary.BigEndian.PutUint32(h[len(h)-4:], ^bitwiseCRC(h[:len(h)-4])) }
	vid := func(b []byte, i int) []byte { return b[i*block+int(u.vid()):][:64] }
	for claim, change := range map[string]func(b []byte) []byte{
		"another sequence":              func(b []byte) []byte { b[3*block+27]++; seal(b[3*block:][:64]); return b },
		"another place for data":        func(b []byte) []byte { b[3*block+23] += 8; seal(b[3*block:][:64]); return b },
		"another version":               func(b []byte) []byte { b[4]++; seal(b[:64]); return b },
		"a volume that is not listed":   func(b []byte) []byte { vid(b, 4)[11]++; seal(vid(b, 4)); return b },
		"a block twice":                 func(b []byte) []byte { return append(b, b[2*block:3*block]...) },
		"a block too many":              func(b []byte) []byte { vid(b, 4)[15] = 200; seal(vid(b, 4)); return b },
		"a block that is missing":       func(b []byte) []byte { return append(b[:3*block], b[4*block:]...) },
		"a block without data":          func(b []byte) []byte { clear(vid(b, 4)[20:24]); seal(vid(b, 4)); return b },
		"a block with too many":         func(b []byte) []byte { vid(b, 4)[20]++; seal(vid(b, 4)); return b },
		"a short block in the middle":   func(b []byte) []byte { vid(b, 3)[23]--; seal(vid(b, 3)); return b },
		"a dynamic block":               func(b []byte) []byte { vid(b, 3)[5] = 1; seal(vid(b, 3)); return b },
		"a copy":                        func(b []byte) []byte { vid(b, 3)[6] = 1; seal(vid(b, 3)); return b },
		"a kind that is none":           func(b []byte) []byte { vid(b, 3)[5] = 3; seal(vid(b, 3)); return b },
		"a block with an alignment":     func(b []byte) []byte { vid(b, 3)[31] = 8; seal(vid(b, 3)); return b },
		"one list of volumes":           func(b []byte) []byte { return append(b[:block], b[2*block:]...) },
		"headers over the data":         func(b []byte) []byte { b[19], b[23] = 8, 64; seal(b[:64]); return b },
		"data behind the block":         func(b []byte) []byte { b[20] = 0x7F; seal(b[:64]); return b },
		"lists that differ":             func(b []byte) []byte { r := b[int(u.data()):][:ubiRecord]; r[3]++; seal(r); return b },
		"a volume with too long a name": func(b []byte) []byte { return relist(b, u, seal, func(r []byte) { r[15] = 128 }) },
		"a volume that is being changed": func(b []byte) []byte {
			return relist(b, u, seal, func(r []byte) { r[13] = 1 })
		},
		"more padding than a block": func(b []byte) []byte { return relist(b, u, seal, func(r []byte) { r[8] = 1 }) },
	} {
		refused(t, claim, verifyUBI(source(change(bytes.Clone(image)))))
	}
}

// relist changes the first record of both lists.
func relist(b []byte, u UBI, seal func([]byte), change func(record []byte)) []byte {
	for i := range 2 {
		r := b[i*int(u.EraseBlock)+int(u.data()):][:ubiRecord]
		change(r)
		seal(r)
	}
	return b
}

func TestUBIImagesThatCannotBeWritten(t *testing.T) {
	for claim, change := range map[string]func(u *UBI){
		"no erase blocks":          func(u *UBI) { u.EraseBlock = 0 },
		"no pages":                 func(u *UBI) { u.Page = 0 },
		"pages that do not fit":    func(u *UBI) { u.Page = 3000 },
		"no room for data":         func(u *UBI) { u.EraseBlock, u.VIDOffset = 4096, 3992 },
		"a header over the first":  func(u *UBI) { u.VIDOffset = 8 },
		"a number that is none":    func(u *UBI) { u.Volumes[0].ID = 128 },
		"a number below 0":         func(u *UBI) { u.Volumes[0].ID = -1 },
		"a number twice":           func(u *UBI) { u.Volumes[0].ID = 5 },
		"a name twice":             func(u *UBI) { u.Volumes[0].Name = "empty" },
		"no name":                  func(u *UBI) { u.Volumes[0].Name = "" },
		"a name of 128 bytes":      func(u *UBI) { u.Volumes[0].Name = strings.Repeat("n", 128) },
		"two that resize":          func(u *UBI) { u.Volumes[0].Autoresize = true },
		"static without data":      func(u *UBI) { u.Volumes[0].Data = source(nil) },
		"one block too few":        func(u *UBI) { u.Volumes[0].Blocks = 2 },
		"no block":                 func(u *UBI) { u.Volumes[2].Blocks = 0 },
		"one byte more than fits":  func(u *UBI) { u.Volumes[4].Data = sparse{size: u.Usable() + 1} },
		"more blocks than numbers": func(u *UBI) { u.Volumes[4].Data, u.Volumes[4].Blocks = sparse{size: math.MaxInt64 / 2}, math.MaxInt32 },
	} {
		u := exampleUBI(nand)
		change(&u)
		refused(t, claim, u.Write(io.Discard))
	}
}

// A volume of more than 4 GiB, of which each block is read where it lies.
func TestUBIImagesOfGigabytes(t *testing.T) {
	if testing.Short() {
		t.Skip("each of its erase blocks is summed up")
	}
	g := UBIGeometry{EraseBlock: 16 << 20, Page: 16 << 10}
	size := int64(4*gib + 1)
	u := UBI{UBIGeometry: g, Volumes: []UBIVolume{{Name: "large", Static: true, Blocks: 300, Data: sparse{size: size, at: map[int64][]byte{size - 1: {7}}}}}}
	heads := &headsOf{every: g.EraseBlock, keep: 64 << 10, at: map[int64][]byte{}}
	if err := u.Write(heads); err != nil {
		t.Fatal(err)
	}
	got, err := ReadUBI(sparse{size: heads.size, at: heads.at})
	if err != nil || len(got.Volumes) != 1 || got.Volumes[0].Data.Size() != size {
		t.Fatalf("%+v, %v", got, err)
	}
	last := []byte{0}
	if _, err := got.Volumes[0].Data.ReadAt(last, size-1); err != nil || got.Volumes[0].Data.(*ubiData).blocks[1].at != 3*g.EraseBlock+g.data() {
		t.Error(err)
	}
}

// headsOf keeps the beginning of every so many bytes that are written to it at once.
type headsOf struct {
	every, keep, size int64
	at                map[int64][]byte
}

func (h *headsOf) Write(b []byte) (int, error) {
	if int64(len(b)) != h.every {
		return 0, fmt.Errorf("%d bytes at once", len(b))
	}
	h.at[h.size] = bytes.Clone(b[:h.keep])
	h.size += h.every
	return len(b), nil
}

func FuzzUBI(f *testing.F) {
	u := exampleUBI(small)
	u.Volumes = u.Volumes[:2]
	u.Volumes[0].Data = source([]byte{1})
	u.Volumes[1].Data = nil
	var b bytes.Buffer
	if err := u.Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes()[4096:][:2*64], b.Bytes()[2*4096:][:2*64], b.Bytes()[128:][:2*ubiRecord], uint8(2))
	// Three erase blocks of which headers and list are given, with right checksums.
	f.Fuzz(func(t *testing.T, table, data, list []byte, blocks uint8) {
		if len(table) != 128 || len(data) != 128 || len(list) != 2*ubiRecord {
			return
		}
		seal := func(h []byte) { binary.BigEndian.PutUint32(h[len(h)-4:], jam(h[:len(h)-4])) }
		var image []byte
		for i, headers := range [][]byte{table, table, data} {
			block := bytes.Repeat([]byte{0xFF}, 4096)
			copy(block, headers)
			if i < 2 {
				binary.BigEndian.PutUint32(block[64+12:], uint32(i))
				copy(block[128:], bytes.Repeat(emptyRecord(), (4096-128)/ubiRecord))
				copy(block[128:], list)
				seal(block[128:][:ubiRecord])
				seal(block[128+ubiRecord:][:ubiRecord])
			}
			seal(block[:64])
			seal(block[64:128])
			image = append(image, block...)
		}
		u, err := ReadUBI(source(image[:min(int(blocks)*4096, len(image))]))
		if err != nil {
			return
		}
		u.Verify()
		for _, v := range u.Volumes {
			if v.Data != nil {
				io.Copy(io.Discard, io.NewSectionReader(v.Data, 0, min(v.Data.Size(), 1<<20)))
			}
		}
	})
}
