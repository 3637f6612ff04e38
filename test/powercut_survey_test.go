package test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"

	"bantam/gpt"
	"bantam/init/statevolume"
	"bantam/switcher"
	"bantam/test/powercut"
)

// A left is a disk that a power cut may leave, and what is to be expected of it.
type left struct {
	powercut.Cut        // without the disk
	table        string // what the partition table says: "old", "new", "new, from the backup"
	volume       *volume
}

// A volume is what lies at the state volume's place.
type volume struct {
	there bool // with the file system's magic
	powercut.Outcome
	edits map[string]editing // by the name of the file
	kept  []string           // what the recovery files hold
	err   error              // what should never be
}

// A survey looks at the disks of a life, each different volume once.
type survey struct {
	t      *testing.T
	life   *life
	booted switcher.Generation
	texts  map[int]string
	dir    string

	seed    maphash.Seed
	volumes map[uint64]*volume // by the bytes of the partition
	tables  map[string]string  // by the bytes of the partition tables: what they say
	queue   chan func()
	workers sync.WaitGroup

	mu    sync.Mutex
	trees map[string]*volume // by the files in it
	lefts []left
}

var espType = gpt.MustParseGUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")

func (s *survey) look(c powercut.Cut) {
	l := left{Cut: c}
	l.Disk = nil
	l.table = s.lookAtTable(c)
	part := c.Disk[volumeStart:volumeEnd]
	key := maphash.Bytes(s.seed, part)
	v := s.volumes[key]
	if v == nil {
		v = &volume{there: part[1024+0x38] == 0x53 && part[1024+0x39] == 0xEF}
		s.volumes[key] = v
		if v.there {
			work := filepath.Join(s.dir, fmt.Sprint(len(s.volumes)))
			if err := errors.Join(os.Mkdir(work, 0o700), powercut.WriteSparse(work+"/ext4", part)); err != nil {
				s.t.Fatal(err)
			}
			s.queue <- func() {
				v.err = s.lookAtVolume(v, work)
				os.RemoveAll(work)
			}
		}
	}
	l.volume = v
	s.lefts = append(s.lefts, l)
}

// lookAtTable checks that firmware and kernel find the EFI partition, by our
// own reader and by sgdisk, and says which table they find.
func (s *survey) lookAtTable(c powercut.Cut) string {
	head, tail := c.Disk[:34*gpt.SectorSize], c.Disk[len(c.Disk)-gpt.TableSectors*gpt.SectorSize:]
	if name := s.tables[string(head)+string(tail)]; name != "" {
		return name
	}
	fail := func(format string, args ...any) {
		s.t.Helper()
		s.t.Errorf("partition table, power cut after event %d (%s): %s", c.Event, c.How, fmt.Sprintf(format, args...))
	}
	name := "old"
	found, err := gpt.Read(bytes.NewReader(c.Disk), uint64(len(c.Disk))/gpt.SectorSize)
	if err != nil {
		fail("%v", err)
	}
	if number, state := found.Table.Find(statevolume.PartitionType); number != 0 {
		name = "new"
		if state.First*gpt.SectorSize != volumeStart || (state.Last+1)*gpt.SectorSize != volumeEnd {
			fail("the state partition is %+v", state)
		}
	}
	if found.FromBackup {
		name += ", from the backup"
	}
	s.tables[string(head)+string(tail)] = name

	path := filepath.Join(s.dir, "table")
	defer os.Remove(path)
	disk := make([]byte, len(c.Disk))
	copy(disk, c.Disk[:16<<20]) // with the table at the image's end
	copy(disk[len(disk)-len(tail):], tail)
	if err := powercut.WriteSparse(path, disk); err != nil {
		s.t.Fatal(err)
	}
	out, err := exec.Command("sgdisk", "-p", path).CombinedOutput()
	number, esp := found.Table.Find(espType)
	if row := regexp.MustCompile(fmt.Sprintf(`(?m)^ +%d +%d +%d .*EF00`, number, esp.First, esp.Last)); err != nil || !row.Match(out) {
		fail("sgdisk: %v\n%s", err, out)
	}
	return name
}

// lookAtVolume says what a machine makes of the ext4 in the folder work. The
// same files are looked at once.
func (s *survey) lookAtVolume(v *volume, work string) error {
	if err := powercut.Recover(work + "/ext4"); err != nil {
		return err
	}
	if err := powercut.Extract(work+"/ext4", work+"/files"); err != nil {
		return err
	}
	tree, err := powercut.Digest(work + "/files")
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	same := s.trees[tree]
	if same == nil {
		same = s.judge(work + "/files")
		s.trees[tree] = same
	}
	v.Outcome, v.edits, v.kept = same.Outcome, same.edits, same.kept
	return same.err
}

// judge says what editor and switcher make of the files in dir, and changes them.
func (s *survey) judge(dir string) *volume {
	v := &volume{}
	if v.edits, v.kept, v.err = s.life.editingOf(dir); v.err == nil {
		v.Outcome, v.err = powercut.Boot(dir, s.booted, []byte(s.texts[1]), []byte(thirdText))
	}
	return v
}

// surveyOf looks at every disk that the life may have left.
func surveyOf(t *testing.T, l *life, g switcher.Generation, text string) *survey {
	t.Helper()
	for program, pkg := range map[string]string{"e2fsck": "e2fsprogs", "debugfs": "e2fsprogs", "sgdisk": "gdisk"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: apt-get install %s", err, pkg)
		}
	}
	s := &survey{
		t: t, life: l, booted: g, texts: map[int]string{1: text, 2: gateText, 3: brokenText},
		dir: fastDir(t), seed: maphash.MakeSeed(), volumes: map[uint64]*volume{}, tables: map[string]string{}, trees: map[string]*volume{},
		queue: make(chan func()),
	}
	for range 2 {
		s.workers.Go(func() {
			for work := range s.queue {
				work()
			}
		})
	}
	powercut.EachCut(bytes.Clone(l.image), l.events, s.look)
	close(s.queue)
	s.workers.Wait()
	return s
}

// fastDir is in memory if it can be: thousands of small synchronous writes go there.
func fastDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "bantam-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// superblock says whether the power went in the middle of the superblock. ext4
// takes that for granted to be written whole, as disks with sectors of 4096
// bytes do: with two halves of different age its checksum is wrong and nobody
// mounts it. Such a machine runs what the image carries.
func (l left) superblock(of *life) bool {
	return errors.Is(l.volume.err, powercut.ErrSuperblock) && l.How == powercut.Torn && of.events[l.Event].Offset == volumeStart
}

// fault says what is wrong with what a power cut leaves.
func (s *survey) fault(l left) error {
	v := l.volume
	if !v.there {
		if l.table != "old" {
			return errors.New("there is a state partition without a file system")
		}
		return nil // the next boot makes it
	}
	if l.superblock(s.life) {
		return nil // see bootTornSuperblock
	}
	if v.err != nil {
		return v.err
	}
	want, act := s.life.expected(l.Event)
	if !slices.Contains(want, v.Generation) || v.Text != s.texts[v.Generation] {
		return fmt.Errorf("generation %d runs, of these: %v; its text:\n%s", v.Generation, want, v.Text)
	}
	switch {
	case act != nil && v.Generation == act.new && !v.Reached("proven", act.new):
		return fmt.Errorf("generation %d is the default and was not proven", act.new)
	case act != nil && v.Generation == act.old && v.Reached("begin", act.new) && !v.Reached("end", act.new) && v.States[act.new] == switcher.StateUntried:
		return fmt.Errorf("generation %d does not know that it was interrupted", act.new)
	case act == nil && v.States[3] != "" && v.States[3] != switcher.StateBad:
		return fmt.Errorf("generation 3 has failed and counts as %s", v.States[3])
	}
	return s.editFault(l)
}

// report fails the test with the first faults, and counts.
func (s *survey) report(t *testing.T) {
	t.Helper()
	l := s.life
	counts := map[string]int{}
	faults, superblocks, torn := 0, 0, 0
	for _, left := range s.lefts {
		phase := "between"
		if _, a := l.expected(left.Event); a != nil {
			phase = a.name
		} else if left.Event <= l.up {
			phase = "first boot"
		}
		for _, e := range l.edits {
			if left.Event >= e.began && left.Event < e.ended {
				phase = "save of " + e.file
				if e.torn(left.volume) {
					torn++
				}
			}
		}
		counts[phase]++
		if left.superblock(l) {
			superblocks++
		}
		if err := s.fault(left); err != nil {
			if faults++; faults <= 5 {
				t.Errorf("%s, power cut after event %d of %d (%s, table %s): %v", phase, left.Event, len(l.events), left.How, left.table, err)
			}
		}
	}
	t.Logf("%d disks after %d events, %v; %d different volumes, %d different trees of files, %d torn superblocks, %d torn files, %d faults",
		len(s.lefts), len(l.events), counts, len(s.volumes), len(s.trees), superblocks, torn, faults)
}
