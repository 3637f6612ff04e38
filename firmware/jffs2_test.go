package firmware

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"
)

// Each kind of erase block finds a mark at its first boundary behind the image, whether or not others are in front of it.
func TestEveryEraseBlockFindsAnEndMark(t *testing.T) {
	for _, size := range []int64{0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 131072, 262143, 262144, 300_000, 2*gib - 1, 2*gib + 1, 4*gib - 1, 4*gib + 1} {
		marks, err := EndMarks(size, EraseBlocks...)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range EraseBlocks {
			if !slices.ContainsFunc(marks, func(at int64) bool { return at%block == 0 && at >= size }) {
				t.Errorf("%d bytes: none of %v is for blocks of %d", size, marks, block)
			}
		}
		b := written(t, func(w io.Writer) error { return WriteEndMarks(w, size, EraseBlocks...) })
		f := sparse{size: size + int64(len(b)), at: map[int64][]byte{size: b}}
		found, end := FindEndMarks(f, size)
		if !slices.Equal(found, marks) || end != f.size || int64(len(b)) != marks[len(marks)-1]+4-size {
			t.Errorf("%d bytes: marks %v are found as %v, the last ends at %d of %d", size, marks, found, end, f.size)
		}
	}
}

// What padjffs2 does with these sizes, worked out by hand.
func TestEndMarks(t *testing.T) {
	const k = 1 << 10
	for _, c := range []struct {
		size   int64
		blocks []int64
		want   []int64
	}{
		{1, []int64{4 * k, 64 * k}, []int64{4 * k, 64 * k}},
		{4 * k, []int64{4 * k, 64 * k}, []int64{4 * k, 64 * k}},
		{64*k - 1, []int64{4 * k, 64 * k}, []int64{64 * k}},
		{64*k - 4, []int64{4 * k, 64 * k}, []int64{64 * k}},
		{0, []int64{4 * k, 64 * k}, []int64{0}},
		{60*k + 1, []int64{4 * k, 128 * k}, []int64{64 * k, 128 * k}},
		{5 * k, []int64{4 * k, 8 * k, 16 * k, 64 * k, 128 * k, 256 * k}, []int64{8 * k, 16 * k, 64 * k, 128 * k, 256 * k}},
		{5 * k, nil, nil},
	} {
		if got, err := EndMarks(c.size, c.blocks...); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%d bytes, blocks %v: got %v, %v, want %v", c.size, c.blocks, got, err, c.want)
		}
	}
	for _, block := range []int64{0, -1, 512, 3 * k, 5000, 2 * gib} {
		_, err := EndMarks(1, block)
		refused(t, fmt.Sprintf("an erase block of %d bytes", block), err)
	}
	_, err := EndMarks(-1, 4*k)
	refused(t, "an image of -1 bytes", err)
}

func TestOtherBytesAreNoEndMarks(t *testing.T) {
	b := append(noise(5000, 1), bytes.Repeat([]byte{0xFF}, 3192)...)
	b = append(b, jffs2Mark...)
	if at, end := FindEndMarks(source(b), 5000); !slices.Equal(at, []int64{8192}) || end != 8196 {
		t.Errorf("%v, %d", at, end)
	}
	b[6000] = 0
	if at, end := FindEndMarks(source(b), 5000); at != nil || end != 5000 {
		t.Errorf("behind something else: %v, %d", at, end)
	}
	if at, end := FindEndMarks(source(b[:8194]), 5000); at != nil || end != 5000 {
		t.Errorf("half a mark: %v, %d", at, end)
	}
}
