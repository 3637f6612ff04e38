package rawflash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func contents(list ...string) (all []Content) {
	for i := 0; i < len(list); i += 2 {
		all = append(all, Content{list[i], strings.NewReader(list[i+1])})
	}
	return all
}

func flashUBI(u *fakeUBI, list []Content) error {
	ctx := context.Background()
	p, err := PlanUBI(ctx, u, list, 20)
	if err != nil {
		return err
	}
	return WriteUBI(ctx, u, p, func(int64, string) {})
}

func text(name string, size int) string { return strings.Repeat(name, size/len(name)+1)[:size] }

// A cut before and behind every change of the volumes: all of a firmware's volumes are the old ones or all are the new ones. Then it is tried
// again, and holds the new ones; and the way back leads to the old ones.
func TestPowerCutInUBI(t *testing.T) {
	for name, blocks := range map[string]int64{"with room for both": 40, "with room for one way back alone": 21} {
		t.Run(name, func(t *testing.T) {
			old := map[string]string{"fit": text("old", 5500), "rootfs": text("OLD", 3000)}
			next := map[string]string{"fit": text("new", 6000), "rootfs": text("NEW", 2999)}
			list := contents("fit", next["fit"], "rootfs", next["rootfs"])
			cuts := 0
			for cut := 0; ; cut++ {
				ended := false
				for _, after := range []bool{false, true} {
					u := newUBI(t, blocks, map[string][]byte{"fit": []byte(old["fit"]), "rootfs": []byte(old["rootfs"]), "fit.old": []byte("older"), "state": []byte("kept")})
					u.cut, u.after = cut, after
					var err error
					if !until(func() { err = flashUBI(u, list) }) {
						if ended = true; err != nil {
							t.Fatal(err)
						}
						break
					}
					cuts++
					isOld, isNew := true, true
					for volume := range old {
						isOld = isOld && u.content(volume) == old[volume]
						isNew = isNew && u.content(volume) == next[volume]
					}
					if !isOld && !isNew {
						t.Errorf("cut %d (%v): a boot loader finds a mixture", cut, u.ops)
					}
					if isNew && !(u.ops[cut] == "rename" && after) {
						t.Errorf("cut %d (%v): the new ones are there before the end", cut, u.ops)
					}
					u.cut = -1
					if err := flashUBI(u, list); err != nil {
						t.Errorf("cut %d: once more: %v", cut, err)
					}
					if u.content("fit") != next["fit"] || u.content("rootfs") != next["rootfs"] || u.content("state") != "kept" {
						t.Errorf("cut %d: once more: %+v", cut, u.volumes)
					}
					if err := Back(u); err != nil || u.content("fit") != old["fit"] || u.content("rootfs") != old["rootfs"] || u.content("fit.old") != next["fit"] {
						t.Errorf("cut %d: the way back: %v, %+v", cut, err, u.volumes)
					}
				}
				if ended {
					break
				}
			}
			if cuts < 20 {
				t.Errorf("only %d cuts", cuts)
			}
		})
	}
}

func TestVolumesThatEqualAreNotWritten(t *testing.T) {
	u := newUBI(t, 40, map[string][]byte{"fit": []byte(text("old", 5500)), "rootfs": []byte(text("OLD", 3000))})
	if err := flashUBI(u, contents("fit", text("old", 5500), "rootfs", text("OLD", 3000))); err != nil || len(u.ops) > 0 {
		t.Errorf("the same firmware: %v, %q", err, u.ops)
	}
	if err := flashUBI(u, contents("fit", text("old", 5500), "rootfs", text("NEW", 3000))); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(u.ops, func(op string) bool { return strings.Contains(op, "fit") }) {
		t.Errorf("%q: volume fit equals", u.ops)
	}
}

func TestWhatUBIRefuses(t *testing.T) {
	fit := []byte(text("old", 5500))
	for _, test := range []struct {
		name    string
		blocks  int64
		prepare func(*fakeUBI)
		size    int
		is      error
		want    string
	}{
		{"room to the byte", 12, nil, 6000, nil, ""},
		{"one byte too many", 12, nil, 6001, ErrNoRoom, "it takes 7 erase blocks of 1000 bytes beside what runs, and 6 are free; the largest volume is fit with 6"},
		{"as many bad blocks as may be", 12, func(u *fakeUBI) { u.state.Bad = 20 }, 6000, nil, ""},
		{"one bad block more", 12, func(u *fakeUBI) { u.state.Bad = 21 }, 6000, ErrWorn, "21 of its blocks are bad, and at most 20 may be"},
		{"UBI that writes no more", 12, func(u *fakeUBI) { u.state.ReadOnly = true }, 6000, ErrWorn, "UBI writes no more"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := newUBI(t, test.blocks, map[string][]byte{"fit": fit})
			if test.prepare != nil {
				test.prepare(u)
			}
			err := flashUBI(u, contents("fit", text("new", test.size)))
			if !errors.Is(err, test.is) || err != nil && (!strings.Contains(err.Error(), test.want) || len(u.ops) > 0) {
				t.Errorf("%v, %q", err, u.ops)
			}
		})
	}
}

func TestAVolumeThatReadsBackOtherwiseIsNotTaken(t *testing.T) {
	u := newUBI(t, 40, map[string][]byte{"fit": []byte(text("old", 5500))})
	u.flips = "fit.new"
	err := flashUBI(u, contents("fit", text("new", 5500)))
	if err == nil || !strings.Contains(err.Error(), "volume fit.new does not read back as it was written: what runs stays") || u.content("fit") != text("old", 5500) {
		t.Error(err)
	}
}

func TestBlocksThatGoBadAreTold(t *testing.T) {
	u := newUBI(t, 40, map[string][]byte{"fit": []byte(text("old", 5500))})
	list := contents("fit", text("new", 5500))
	p, err := PlanUBI(context.Background(), u, list, 20)
	if err != nil {
		t.Fatal(err)
	}
	u.dies = 2
	var notes []string
	err = WriteUBI(context.Background(), u, p, func(_ int64, note string) {
		if note != "" {
			notes = append(notes, note)
		}
	})
	if err != nil || len(notes) != 1 || notes[0] != "2 erase blocks went bad meanwhile; others have taken their places" {
		t.Errorf("%v, %q", err, notes)
	}
}

func TestAChipThatWearsOutMeanwhileIsTold(t *testing.T) {
	u := newUBI(t, 40, map[string][]byte{"fit": []byte(text("old", 5500))})
	u.dies = 21
	const want = "the chip is worn out: UBI writes no more: 20 blocks are bad, and none is left to take the place of another; what runs stays: update fit.new: "
	err := flashUBI(u, contents("fit", text("new", 5500)))
	if !errors.Is(err, ErrWorn) || !errors.Is(err, syscall.EROFS) || !strings.HasPrefix(err.Error(), want) || u.content("fit") != text("old", 5500) {
		t.Errorf("%v, %q", err, u.ops)
	}
}

// There is no room for two, so that the older one goes first, and some of its blocks fail when they are erased.
func TestBlocksThatFailWhenTheyAreErased(t *testing.T) {
	old, older := text("old", 5500), text("older", 5500)
	for _, test := range []struct {
		name         string
		erased, free int64 // blocks that fail, and that are no volume's
		want         string
	}{
		{"fewer than are reserved", 17, 0, ""},
		{"more, and there is room", 18, 1, ""},
		{"more, and there is none", 18, 0, "the chip is worn out: 21 of its blocks are bad, 18 since a moment ago, and too few are left for it; what runs stays: make fit.new: no space left on device"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := newUBI(t, 12+test.free, map[string][]byte{"fit": []byte(old), "fit.old": []byte(older)})
			u.state.Bad, u.state.Reserved, u.erased = 3, 17, test.erased
			image := text("new", 5500)
			p, err := PlanUBI(context.Background(), u, contents("fit", image), 20)
			if err != nil || len(p.Remove) != 1 {
				t.Fatalf("%v, %+v", err, p)
			}
			said := ""
			err = WriteUBI(context.Background(), u, p, func(_ int64, note string) { said += note })
			if test.want == "" {
				if want := fmt.Sprintf("%d erase blocks went bad meanwhile; others have taken their places", test.erased); err != nil || said != want || u.content("fit") != image {
					t.Errorf("%v, %q, %q", err, said, u.ops)
				}
				return
			}
			if err == nil || err.Error() != test.want || !errors.Is(err, ErrWorn) || u.content("fit") != old {
				t.Errorf("%v, want %s", err, test.want)
			}
			if _, err := PlanUBI(context.Background(), u, contents("fit", image), 20); !errors.Is(err, ErrWorn) {
				t.Errorf("once more: %v", err)
			}
		})
	}
}

func TestAnUpdateThatIsEndedChangesNothing(t *testing.T) {
	u := newUBI(t, 40, map[string][]byte{"fit": []byte(text("old", 5500))})
	p, err := PlanUBI(context.Background(), u, contents("fit", text("new", 5500)), 20)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = WriteUBI(ctx, u, p, func(int64, string) { cancel() })
	if !errors.Is(err, context.Canceled) || u.content("fit") != text("old", 5500) {
		t.Errorf("%v, %q", err, u.ops)
	}
}

func TestThereIsNoWayBackWithoutAnEarlierFirmware(t *testing.T) {
	u := newUBI(t, 40, map[string][]byte{"fit": bytes.Repeat([]byte{1}, 10)})
	if err := Back(u); err == nil || err.Error() != "there is no earlier firmware to go back to" {
		t.Error(err)
	}
}

// Two firmwares that have a volume in common: the way back never mixes three.
func TestTheWayBackIsOneFirmware(t *testing.T) {
	u := newUBI(t, 60, map[string][]byte{"fit": []byte(text("1", 3000)), "rootfs": []byte(text("a", 3000))})
	for _, list := range [][]Content{
		contents("fit", text("2", 3000), "rootfs", text("b", 3000)),
		contents("fit", text("2", 3000), "rootfs", text("c", 3000)),
	} {
		if err := flashUBI(u, list); err != nil {
			t.Fatal(err)
		}
	}
	if err := Back(u); err != nil || u.content("fit") != text("2", 3000) || u.content("rootfs") != text("b", 3000) {
		t.Errorf("%v, %+v", err, u.volumes)
	}
}
