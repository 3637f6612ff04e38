package flash

import (
	"strings"
	"testing"
	"time"
)

// pattern makes chunks of a text: equal letters are equal chunks, a dot is zeros.
func pattern(text string) (list []Chunk) {
	for _, c := range text {
		b := make([]byte, 8)
		if c != '.' {
			b[0] = byte(c)
		}
		list = append(list, chunkOf(b))
	}
	return list
}

func TestPlan(t *testing.T) {
	const disk = 64 * ChunkSize
	for _, test := range []struct{ claim, image, disk, want string }{
		{"nothing to do", "ab.", "ab.", ""},
		{"another card", "ab.cd", "vwxyz", "clear 0; zero 2; write 1; write 3-4; check 1-4; mark; write 0; proof; commit; check 0"},
		{"the beginning is there already and goes last all the same", "abc", "axc", "clear 0; write 1; check 1-2; mark; write 0; proof; commit; check 0"},
		{"only the beginning differs", "abc", "xbc", "clear 0; check 1-2; mark; write 0; proof; commit; check 0"},
		{"one chunk", "a", "x", "clear 0; mark; write 0; proof; commit; check 0"},
		{"zeros that are there", "a..b", "x.yb", "clear 0; zero 2; check 1-3; mark; write 0; proof; commit; check 0"},
		{"it begins with zeros", ".a", "xy", "clear 0; write 1; check 1; mark; write 0; proof; commit; check 0"},
	} {
		chunks := pattern(test.image)
		p := MakePlan(Image{Size: int64(len(chunks)) * ChunkSize, Chunks: chunks}, pattern(test.disk), disk)
		var got []string
		for _, line := range strings.Split(strings.TrimSpace(p.String()), "\n") {
			fields := strings.Fields(line)
			if len(fields) == 0 {
				continue
			}
			text := fields[0]
			if text != "mark" && text != "proof" && text != "commit" {
				from, to, _ := strings.Cut(fields[1], "-")
				text += " " + inChunks(t, from, 0)
				if last := inChunks(t, to, 1); last != inChunks(t, from, 0) {
					text += "-" + last
				}
			}
			got = append(got, text)
		}
		if got := strings.Join(got, "; "); got != test.want {
			t.Errorf("%s: got %s\nwant %s", test.claim, got, test.want)
		}
		if all := p.Keep + p.Send + p.Blank; all != p.Image.Size {
			t.Errorf("%s: %d bytes kept, %d sent, %d blank of %d", test.claim, p.Keep, p.Send, p.Blank, p.Image.Size)
		}
	}
}

// inChunks is a byte of a plan as a chunk; end is 1 for the last byte of one.
func inChunks(t *testing.T, text string, end int) string {
	t.Helper()
	n := 0
	for _, c := range text {
		n = n*10 + int(c-'0')
	}
	if (n+end)%ChunkSize != 0 {
		t.Errorf("byte %s is no border of a chunk", text)
	}
	return string(rune('0' + (n+end)/ChunkSize - end))
}

func TestMarksLieBeyondTheImage(t *testing.T) {
	for size := int64(0); size < 40; size++ {
		for image := int64(1); image <= size*pageSize; image += 3000 {
			for _, at := range marks(image, size*pageSize) {
				if at < image || at+pageSize > size*pageSize {
					t.Fatalf("image of %d, disk of %d pages: a mark at %d", image, size, at)
				}
			}
		}
	}
}

func TestMeter(t *testing.T) {
	m := Meter{Every: time.Second}
	start := time.Unix(0, 0)
	for _, step := range []struct {
		after time.Duration
		stage Stage
		done  int64
		want  string
	}{
		{0, Comparing, 1_000_000, "comparing: 1.0 MB of 20.0 MB"},
		{500 * time.Millisecond, Comparing, 2_000_000, ""},
		{time.Second, Comparing, 4_000_000, "comparing: 4.0 MB of 20.0 MB, 4.0 MB/s, 4s left"},
		{1100 * time.Millisecond, Writing, 0, "writing: 0 B of 20.0 MB"},
		{3100 * time.Millisecond, Writing, 20_000_000, "writing: 20.0 MB of 20.0 MB, 10.0 MB/s"},
	} {
		if got := m.Line(start.Add(step.after), step.stage, step.done, 20_000_000); got != step.want {
			t.Errorf("after %v: got %q, want %q", step.after, got, step.want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 15_300_000: "15.3 MB", 999_949_999: "999.9 MB", 999_999_999: "1.0 GB", 31_914_983_424: "31.9 GB", 1 << 62: "4.6 EB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
