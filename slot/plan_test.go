package slot

import "testing"

const mibs = sectorsPerMiB

func TestPlan(t *testing.T) {
	const first, used = 1*mibs + 300, 12*mibs + 1500 // of a PC's image
	for _, c := range []struct {
		claim string
		room  Room
		want  Division
	}{
		{"a disk with room: the state volume begins where it always did",
			Room{First: first, Used: used, End: 1000 * mibs, Volume: 32 * mibs, Start: 64 * mibs},
			Division{EndA: first + 26*mibs, FirstB: 28 * mibs, EndB: 54 * mibs, Volume: 64 * mibs}},
		{"behind large slots: the state volume makes room",
			Room{First: first, Used: 40 * mibs, End: 1000 * mibs, Volume: 32 * mibs, Start: 64 * mibs},
			Division{EndA: first + 80*mibs, FirstB: 82 * mibs, EndB: 162 * mibs, Volume: 162 * mibs}},
		{"a small kernel has 24 MiB",
			Room{First: first, Used: 3 * mibs, End: 1000 * mibs, Volume: 32 * mibs, Start: 64 * mibs},
			Division{EndA: first + 24*mibs, FirstB: 26 * mibs, EndB: 50 * mibs, Volume: 64 * mibs}},
		{"a large one 96 MiB",
			Room{First: first, Used: 60 * mibs, End: 1000 * mibs, Volume: 32 * mibs, Start: 64 * mibs},
			Division{EndA: first + 96*mibs, FirstB: 98 * mibs, EndB: 194 * mibs, Volume: 194 * mibs}},
		{"unless the image itself has more",
			Room{First: first, Used: 100*mibs + 1, End: 1000 * mibs, Volume: 32 * mibs, Start: 64 * mibs},
			Division{EndA: first + 100*mibs + 1, FirstB: 102 * mibs, EndB: 202*mibs + 1, Volume: 203 * mibs}},
		{"in front of a state volume that is there",
			Room{First: first, Used: used, End: 64 * mibs},
			Division{EndA: first + 26*mibs, FirstB: 28 * mibs, EndB: 54 * mibs, Volume: 54 * mibs}},
		{"exactly enough",
			Room{First: first, Used: used, End: 54 * mibs},
			Division{EndA: first + 26*mibs, FirstB: 28 * mibs, EndB: 54 * mibs, Volume: 54 * mibs}},
		{"one sector too few: A alone",
			Room{First: first, Used: used, End: 54*mibs - 1},
			Division{EndA: first + 26*mibs, Volume: 28 * mibs}},
		{"a small disk has one slot, and a state volume",
			Room{First: first, Used: used, End: 70 * mibs, Volume: 32 * mibs, Start: 64 * mibs},
			Division{EndA: first + used, Volume: 14 * mibs}},
		{"a disk as long as the image: A as it is",
			Room{First: first, Used: used, End: first + used},
			Division{EndA: first + used, Volume: 14 * mibs}},
	} {
		if got := Plan(c.room); got != c.want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.claim, got, c.want)
		}
	}
}

// Whatever the disk, nothing overlaps and nothing lies outside.
func TestNoPlanOverlaps(t *testing.T) {
	for _, used := range []uint64{1, 2 * mibs, 12*mibs + 1500, 13 * mibs, 48 * mibs, 96 * mibs, 97*mibs - 1} {
		for _, volume := range []uint64{0, 32 * mibs} {
			for end := used + mibs; end < 400*mibs; end += mibs/2 - 1 {
				r := Room{First: mibs, Used: used, End: end, Volume: volume, Start: 64 * mibs}
				d := Plan(r)
				fits := volume == 0 || d.Volume+volume <= end
				switch {
				case d.EndA < r.First+used || d.EndA > max(end, r.First+used):
					t.Fatalf("%+v: slot A ends at %d: %+v", r, d.EndA, d)
				case d.FirstB == 0 && (d.EndB != 0 || d.Volume < d.EndA):
					t.Fatalf("%+v: %+v", r, d)
				case d.FirstB != 0 && (d.FirstB < d.EndA || d.EndB-d.FirstB != d.EndA-r.First || d.EndB > end || d.Volume < d.EndB || !fits):
					t.Fatalf("%+v: %+v", r, d)
				}
			}
		}
	}
}
