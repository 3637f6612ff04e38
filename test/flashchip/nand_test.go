package flashchip_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"bantam/flashmap"
	"bantam/test/vm"
)

// nand is a chip of 128 MiB with pages of 2 KiB.
func nand() flashmap.Map {
	return flashmap.Map{Kind: flashmap.UBI, Size: 1 << 27, EraseBlock: 1 << 17, Page: 2048, Areas: []flashmap.Area{
		{Name: "ubi", Size: 1 << 27, Use: flashmap.Volumes, Volume: "fit"},
	}}
}

const simulated = "nandsim id_bytes=0x20,0xa1,0x00,0x15"

// smallNAND is one of 32 MiB, of which 5 blocks may be bad.
func smallNAND() flashmap.Map {
	chip := nand()
	chip.Size = smallBlocks * chip.EraseBlock
	chip.Areas[0].Size = chip.Size
	return chip
}

const (
	smallBlocks    = 256
	simulatedSmall = simulated + " overridesize=8" // two to the power of that
)

// The memory that stands for NAND is gone with its machine, so that the power is cut by UBI's own emulation: from that write on it writes no more.
func TestNANDOfAKernelSurvivesPowerCuts(t *testing.T) {
	r := newRig(t)
	m := r.start(t, r.initrd(t, nand(), simulated, "ubi"))
	must(t, m, "flash old 5000000")
	boots(t, m, "old")
	must(t, m, "flash new 6000000")
	boots(t, m, "new")
	must(t, m, "back")
	boots(t, m, "old")
	says(t, m, "plan new 300000", "write   3 erase blocks, as new volumes beside those that run")
	for kind, what := range map[int]string{1: "count erasures", 2: "say whose a block is"} {
		line := fmt.Sprint("sweep ", kind)
		m.Send(line + "\n")
		cuts := m.ExpectWithin(5*time.Minute, `TEST swept (\d+) cuts that leave the old one, (\d+) the new one`)
		t.Logf("cuts at headers that %s: %s leave the old firmware, %s the new one", what, cuts[1], cuts[2])
		m.Expect(`TEST ` + line + `: ok`)
		if old, _ := strconv.Atoi(cuts[1]); old < 3 {
			t.Errorf("%s cuts came before the change", cuts[1])
		}
	}
	if got := say(m, "plan new 133000000"); !strings.Contains(got, "it is too large") {
		t.Errorf("a firmware that takes all: %s", got)
	}
	m.PowerCut()
}

func TestBadBlocksOfNAND(t *testing.T) {
	r := newRig(t)
	var list []string
	for i := range 20 {
		list = append(list, fmt.Sprint(10+40*i))
	}
	m := r.start(t, r.initrd(t, nand(), simulated+" badblocks="+strings.Join(list, ","), "ubi"))
	says(t, m, "plan new 5000000", "20 erase blocks of the chip are bad, and are passed over; 20 may be")
	must(t, m, "flash new 5000000")
	boots(t, m, "new")
	must(t, m, "wear")
	if got := say(m, "flash old 5000000"); !strings.Contains(got, "the chip is worn out: 21 of its blocks are bad, and at most 20 may be") {
		t.Errorf("one too many: %s", got)
	}
	boots(t, m, "new")
	m.PowerCut()
}

// weakPages is a parameter of nandsim: pages that take nothing, in one erase block of so many. Each block has another one: of its second header, of
// its first data, in its midst, its last.
func weakPages(blocks, every int) string {
	const each = 64 // pages of a block
	var list []string
	for n, block := 0, every/2; block < blocks; n, block = n+1, block+every {
		list = append(list, fmt.Sprintf("%d:0", block*each+[]int{1, 2, each / 2, each - 1}[n%4]))
	}
	return " weakpages=" + strings.Join(list, ",")
}

// wentBad sends a line and gives how many blocks it tells of.
func wentBad(t *testing.T, m *vm.Machine, line string) int {
	t.Helper()
	m.Send(line + "\n")
	said := m.ExpectWithin(5*time.Minute, `TEST note (\d+) erase blocks went bad meanwhile; others have taken their places\r?\n`)
	m.Expect(`TEST ` + line + `: ok`)
	n, err := strconv.Atoi(said[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Blocks that die while they are written: another one takes what was to be in them, what is read back is the firmware, and they are told and counted.
func TestBlocksOfNANDThatDieWhileTheyAreWritten(t *testing.T) {
	r := newRig(t)
	m := r.start(t, r.initrd(t, nand(), simulated+weakPages(1024, 16), "ubi"))
	bad := 0
	for _, name := range []string{"old", "new"} {
		n := wentBad(t, m, "flash "+name+" 10000000")
		if n == 0 || bad+n > 20 {
			t.Fatalf("%d blocks went bad, %d before", n, bad)
		}
		bad += n
		boots(t, m, name)
		says(t, m, "plan third 300000", fmt.Sprintf("%d erase blocks of the chip are bad, and are passed over; 20 may be", bad))
	}
	t.Logf("%d blocks have died", bad)
	must(t, m, "back")
	boots(t, m, "old")
	m.PowerCut()
}

// So many die that UBI has no others: that is told, and the firmware of before is what it was, then and after a restart. A volume takes the rest of
// the chip, as the state volume of a router does.
func TestNANDThatWearsOutWhileItIsWrittenKeepsTheOldOne(t *testing.T) {
	const size = 20_000_000
	r, chip := newRig(t), smallNAND()
	m := r.start(t, r.initrd(t, chip, simulatedSmall+weakPages(smallBlocks, 16), "ubi"))
	must(t, m, "flash old 300000")
	must(t, m, fmt.Sprint("fill ", (size+2<<10)/chip.VolumeBlock()+1))
	worn := func(told string) {
		t.Helper()
		if got := say(m, fmt.Sprint("flash new ", size)); !regexp.MustCompile("the chip is worn out: " + told).MatchString(got) {
			t.Fatalf("%s, want %s", got, told)
		}
		boots(t, m, "old")
	}
	const noneLeft = `UBI writes no more: [1-9]\d* blocks are bad, and none is left to take the place of another; `
	worn(noneLeft + "what runs stays: ")
	worn(noneLeft + "nothing is written to it any more")
	must(t, m, "detach") // as a restart does
	worn(`[1-9]\d* of its blocks are bad, and at most 5 may be; nothing is written to it any more`)
	m.PowerCut()
}

// weakBlocks is a parameter of nandsim: one erase block in so many can be erased once, as UBI does at first, and fails from then on.
func weakBlocks(blocks, every int) string {
	var list []string
	for block := every / 2; block < blocks; block += every {
		list = append(list, fmt.Sprintf("%d:1", block))
	}
	return " weakblocks=" + strings.Join(list, ",")
}

// flashed brings a firmware to the chip: how many blocks are told to have gone bad meanwhile, and the answer.
func flashed(m *vm.Machine, name string, size int64) (bad int, answer string) {
	line := fmt.Sprintf("flash %s %d", name, size)
	m.Send(line + "\n")
	said := m.ExpectWithin(5*time.Minute, `(?s)(?:TEST note (\d+) erase blocks went bad meanwhile; others have taken their places\r?\n.*?)?TEST `+line+`: ([^\r\n]*)\r?\n`)
	bad, _ = strconv.Atoi(said[1])
	return bad, said[2]
}

// stateOf is a number of what UBI has, e.g. Free.
func stateOf(t *testing.T, m *vm.Machine, what string) int64 {
	t.Helper()
	m.Send("state\n")
	n, err := strconv.ParseInt(m.Expect(`TEST state {.*` + what + `:(\d+)[ }]`)[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	m.Expect(`TEST state: ok`)
	return n
}

// lost is what a flash says that has made room of which too much was lost. UBI erases beside it: whether that comes to its own end before or behind
// the new volume decides which of the two.
var lost = regexp.MustCompile(`^the chip is worn out: (UBI writes no more: \d+ blocks are bad, and none is left to take the place of another|\d+ of its blocks are bad, \d+ since a moment ago, and too few are left for it); what runs stays: `)

// Blocks that fail when they are erased, after they have served: each flash has to throw the firmware before the last away to have room. They are marked
// and counted, others take their places, and they are told, by that flash or by the plan of the next; when too many are bad that is told, and the last firmware stays.
func TestBlocksOfNANDThatFailWhenTheyAreErased(t *testing.T) {
	const size = 10_000_000
	r, chip := newRig(t), smallNAND()
	m := r.start(t, r.initrd(t, chip, simulatedSmall+weakBlocks(smallBlocks, 32), "ubi"))
	must(t, m, fmt.Sprint("flash old ", size))
	must(t, m, fmt.Sprint("fill ", size/chip.VolumeBlock()+3))
	runs, told, counted := "old", 0, 0
	for n := 0; ; n++ {
		if n == 20 {
			t.Fatal("it does not wear out")
		}
		next := []string{"new", "third", "fourth"}[n%3]
		bad, answer := flashed(m, next, size)
		if answer != "ok" {
			if !regexp.MustCompile(`^the chip is worn out: [6-9] of its blocks are bad, and at most 5 may be; nothing is written to it any more`).MatchString(answer) && !lost.MatchString(answer) {
				t.Errorf("%s: %s", next, answer)
			}
			t.Logf("flash %d: %s", n, answer)
			break
		}
		runs, told = next, told+bad
		boots(t, m, runs)
		now := int(stateOf(t, m, "Bad"))
		if now < counted || now < told {
			t.Errorf("%d blocks are bad, after %d, of which %d were told", now, counted, told)
		}
		if counted = now; now > 0 {
			m.Send("plan x 300000\n")
			noted := m.Expect(`(\d+) erase blocks of the chip are bad, and are passed over; 5 may be|TEST plan x 300000: the chip is worn out: (\d+) of its blocks are bad, and at most 5 may be`)
			if n, _ := strconv.Atoi(noted[1] + noted[2]); n < now { // more may have gone bad meanwhile
				t.Errorf("the plan tells of %d bad blocks, %d are", n, now)
			}
		}
		t.Logf("flash %d: %d blocks went bad, %d are", n, bad, now)
	}
	if told == 0 {
		t.Error("no flash has told of a block that went bad meanwhile")
	}
	boots(t, m, runs)
	must(t, m, "detach") // as a restart does
	boots(t, m, runs)
	if bad := stateOf(t, m, "Bad"); bad < int64(counted) {
		t.Errorf("%d blocks are bad after a restart, %d were", bad, counted)
	}
	m.PowerCut()
}

// The firmware before the last was to make room, and so many of its blocks fail when they are erased that what is left is too little.
func TestNANDWhoseRoomIsLostWhenItIsErasedKeepsTheOldOne(t *testing.T) {
	const size = 10_000_000
	r, chip := newRig(t), smallNAND()
	m := r.start(t, r.initrd(t, chip, simulatedSmall+weakBlocks(smallBlocks, 12), "ubi"))
	must(t, m, fmt.Sprint("flash old ", size))
	must(t, m, fmt.Sprint("flash new ", size))
	all := (stateOf(t, m, "Free") + size/chip.VolumeBlock() + 1) * chip.VolumeBlock()
	_, answer := flashed(m, "third", all-4096)
	if !lost.MatchString(answer) {
		t.Errorf("too few are left: %s", answer)
	}
	t.Log(answer)
	boots(t, m, "new")
	for range 2 {
		must(t, m, "detach") // as a restart does
		if _, answer := flashed(m, "third", size); !regexp.MustCompile(`^the chip is worn out: \d+ of its blocks are bad, and at most 5 may be; nothing is written to it any more`).MatchString(answer) {
			t.Errorf("once more: %s", answer)
		}
		boots(t, m, "new")
	}
	m.PowerCut()
}
