package installing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bantam/frame"
	"bantam/gpt"
	"bantam/init/flashing/imagetest"
	"bantam/init/statevolume"
	"bantam/slot"
)

const diskSize = 40 << 20

// image is a disk image in small, put together from its frame.
func image(t testing.TB) (*frame.Image, imagetest.Sample) {
	t.Helper()
	s := imagetest.New(t, "hostname = \"far\"\n", nil)
	f, err := frame.Cut(bytes.NewReader(s.Bytes))
	if err != nil {
		t.Fatal(err)
	}
	table, err := gpt.ReadPrimary(bytes.NewReader(s.Bytes), 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	section := func(at, n uint64) *io.SectionReader {
		return io.NewSectionReader(bytes.NewReader(s.Bytes), int64(at)*512, int64(n)*512)
	}
	_, p := table.Find(gpt.Slot)
	_, l := table.Find(gpt.Layers)
	h, err := slot.ParseHeader(s.Bytes[p.First*512:][:slot.HeaderSize])
	if err != nil {
		t.Fatal(err)
	}
	i, err := frame.Fill(f, frame.Parts{Kernel: section(p.First+h.Kernel.First, h.Kernel.Count), Initrd: section(p.First+h.Initrd.First, h.Initrd.Count), Layers: section(l.First, l.Sectors())})
	if err != nil {
		t.Fatal(err)
	}
	return i, s
}

// A medium is a disk in memory, of which somebody looks at each state that a power cut may leave.
type medium struct {
	content []byte
	opened  int // how often it is open
	writes  int
	breaks  int                           // the write that fails, from 1; 0: none
	leaves  func(at int64, b, old []byte) // called after each write
}

func (m *medium) Size() int64 { return int64(len(m.content)) }
func (m *medium) Sync() error { return nil }
func (m *medium) Close() error {
	m.opened--
	return nil
}
func (m *medium) ReadAt(b []byte, at int64) (int, error) {
	return bytes.NewReader(m.content).ReadAt(b, at)
}

func (m *medium) WriteAt(b []byte, at int64) (int, error) {
	if at%512 != 0 || len(b)%512 != 0 || at+int64(len(b)) > m.Size() {
		return 0, syscall.EINVAL
	}
	if m.writes++; m.writes == m.breaks {
		return 0, syscall.EIO
	}
	old := bytes.Clone(m.content[at:][:len(b)])
	copy(m.content[at:], b)
	if m.leaves != nil {
		m.leaves(at, b, old)
	}
	return len(b), nil
}

const keptWord = "what this machine keeps"

// installation is one to a disk; what its volume holds is a word at its beginning.
func installation(t testing.TB, m *medium, i *frame.Image) *Installation {
	t.Helper()
	l, err := MakeLayout(i, m.Size())
	if err != nil {
		t.Fatal(err)
	}
	return &Installation{Layout: l, Progress: func(string, int64, int64) {},
		Open: func() (Disk, error) {
			m.opened++
			return m, nil
		},
		Furnish: func(ctx context.Context) error {
			if m.opened != 0 {
				return errors.New("the disk is still open: nothing of it can be mounted")
			}
			_, err := m.WriteAt(append([]byte(keptWord), make([]byte, 512-len(keptWord))...), int64(l.Volume.Place.First)*512)
			return err
		}}
}

// old is a disk of somebody else's: a GUID partition table over all of it.
func old() []byte {
	b := bytes.Repeat([]byte("old data"), diskSize/8)
	t := gpt.Table{Disk: gpt.DeriveGUID("old", "disk"), Sectors: diskSize / 512, Partitions: []gpt.Partition{{Type: gpt.ESP, ID: gpt.DeriveGUID("old", "1"), First: 2048, Last: 70_000, Name: "old"}}}
	gpt.ProtectiveMBR(b[:512], t.Sectors, true)
	copy(b[512:], t.Primary())
	copy(b[diskSize-gpt.TableSectors*512:], t.Backup())
	return b
}

// what a disk is for whoever starts from it.
type what string

const (
	before  what = "the old disk"
	nothing what = "nothing starts from it"
	whole   what = "all of the machine"
)

// is says what a disk is, or why it is none of these.
func is(content, was []byte, in *Installation, s imagetest.Sample) (what, error) {
	l := in.Layout
	if bytes.Equal(content[:4096], was[:4096]) && bytes.Equal(content, was) {
		return before, nil
	}
	mbr := content[510] == 0x55 && content[511] == 0xaa
	if !mbr { // neither a BIOS nor UEFI nor the kernel looks further
		return nothing, nil
	}
	c, err := gpt.Read(bytes.NewReader(content), uint64(len(content)/512))
	if err != nil || c.Foreign {
		return nothing, nil
	}
	if c.Table.Disk == gpt.DeriveGUID("old", "disk") {
		return before, nil // by its table, while its beginning is cleared
	}
	if !slices.Equal(c.Table.Partitions, l.Volume.Table.Partitions) {
		return "", fmt.Errorf("a table with partitions %+v", c.Table.Partitions)
	}
	if _, p := c.Table.Find(gpt.Slot); !bytes.Equal(content[p.First*512:l.Size()], s.Bytes[p.First*512:l.Size()]) {
		return "", errors.New("a table, and a slot that is not whole")
	}
	if _, p := c.Table.Find(statevolume.PartitionType); !bytes.HasPrefix(content[p.First*512:], []byte(keptWord)) {
		return "", errors.New("a table, and a volume with nothing in it")
	}
	return whole, nil
}

func TestAPowerCutAtAnyWriteLeavesTheOldDiskNothingOrAllOfTheMachine(t *testing.T) {
	i, s := image(t)
	was := old()
	m := &medium{content: bytes.Clone(was)}
	in := installation(t, m, i)
	states := map[what]int{}
	look := func(content []byte) {
		w, err := is(content, was, in, s)
		if err != nil {
			t.Fatalf("write %d: %v", m.writes, err)
		}
		states[w]++
	}
	m.leaves = func(at int64, b, old []byte) {
		look(m.content)
		// Sectors are written in any order, and the power may go after any of them.
		for torn := range min(len(b)/512, 40) {
			for _, others := range []bool{true, false} { // all but one, and one alone
				for n := range len(b) / 512 {
					from := old
					if (n == torn) != others {
						from = b
					}
					copy(m.content[at+int64(n)*512:][:512], from[n*512:])
				}
				if at < 64<<10 || at > diskSize-64<<10 {
					look(m.content)
				}
			}
		}
		copy(m.content[at:], b)
	}
	look(m.content)
	if err := in.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w, err := is(m.content, was, in, s); w != whole || !in.Begun || m.opened != 0 {
		t.Errorf("in the end: %q, %v; begun %v, open %d times", w, err, in.Begun, m.opened)
	}
	if states[before] == 0 || states[nothing] < 20 || states[whole] < 2 {
		t.Errorf("states %v: not all of the three were seen", states)
	}
	c, err := gpt.Read(bytes.NewReader(m.content), diskSize/512)
	if err != nil || c.FromBackup || c.BackupErr != nil || c.AtEnd.Sectors != diskSize/512 || !slices.Equal(c.AtEnd.Partitions, c.Table.Partitions) {
		t.Errorf("the tables: %+v, %v", c, err)
	}
}

func TestAWriteThatFailsOrACtrlCLeavesNothingHalf(t *testing.T) {
	i, s := image(t)
	was := old()
	counting := &medium{content: bytes.Clone(was)}
	if err := installation(t, counting, i).Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= counting.writes; n++ {
		for _, fails := range []bool{true, false} {
			m := &medium{content: bytes.Clone(was)}
			in := installation(t, m, i)
			ctx, cancel := context.WithCancel(t.Context())
			if fails {
				m.breaks = n
			} else {
				m.leaves = func(int64, []byte, []byte) {
					if m.writes == n {
						cancel()
					}
				}
			}
			err := in.Write(ctx)
			cancel()
			w, broken := is(m.content, was, in, s)
			switch {
			case broken != nil:
				t.Errorf("write %d, fails %v: %v", n, fails, broken)
			case err == nil && w != whole, err != nil && w == whole && fails && n < counting.writes-1:
				t.Errorf("write %d, fails %v: %v, and the disk is %q", n, fails, err, w)
			case w == nothing && !in.Begun:
				t.Errorf("write %d, fails %v: it is not told that nothing starts any more", n, fails)
			case fails && err == nil, !fails && err != nil && !errors.Is(err, context.Canceled):
				t.Errorf("write %d, fails %v: %v", n, fails, err)
			}
			m.breaks, m.leaves = 0, nil // the same command again
			again := installation(t, m, i)
			if err := again.Write(t.Context()); err != nil {
				t.Errorf("write %d: again: %v", n, err)
			}
			if w, err := is(m.content, was, again, s); w != whole {
				t.Errorf("write %d: again: %q, %v", n, w, err)
			}
		}
	}
}

func TestADiskThatLiesIsFound(t *testing.T) {
	i, _ := image(t)
	for n := range 3 {
		m := &medium{content: old()}
		in := installation(t, m, i)
		m.leaves = func(at int64, b, _ []byte) {
			if m.writes == []int{2, 4, 5}[n] {
				m.content[at+int64(len(b))-1] ^= 1
			}
		}
		if err := in.Write(t.Context()); err == nil || !strings.Contains(err.Error(), "does not read as it was written") {
			t.Errorf("case %d: %v", n, err)
		}
	}
}
