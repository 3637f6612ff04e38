package flash

import (
	"fmt"
	"strings"
)

// An Op is what is done to some bytes of a disk.
type Op int

const (
	Clear  Op = iota // zeros, so that nothing starts from what is not complete
	Zero             // zeros are there afterwards; none are sent where the disk can forget instead
	Write            // bytes of the image; of its first chunk all but the first page
	Check            // all that was written is read back and compared
	Mark             // marks are written beyond the image, by which a disk is found that is smaller than it says
	Proof            // they are looked for, and taken away
	Commit           // the first page
)

var opNames = [...]string{"clear", "zero", "write", "check", "mark", "proof", "commit"}

func (o Op) String() string { return opNames[o] }

// A Step is one Op on a range of chunks; Mark, Proof and Commit have none.
type Step struct {
	Op    Op
	First int // chunk
	Count int
}

// A Plan is the list of steps that makes a disk hold an image, and what is already right on it.
type Plan struct {
	Image Image
	Steps []Step
	Marks []int64 // bytes at which marks are written
	Keep  int64   // bytes that are on the disk already
	Send  int64   // bytes that are written
	Blank int64   // bytes that become zeros
}

// Done tells that the disk holds the image already.
func (p Plan) Done() bool { return len(p.Steps) == 0 }

// MakePlan compares an image with what the disk, of size bytes, holds in its place, of which there is a Chunk for each one's of
// the image.
//
// The first chunk is cleared before anything else is touched, and its first page written when all else has been read back: wherever it
// is cut off between, the disk has no boot sector and no partition table. Marks are written where the disk is blank, and there for a
// moment only: they may lie in what a machine keeps behind its image.
func MakePlan(image Image, disk []Chunk, size int64) Plan {
	p := Plan{Image: image}
	var zero, write []Step
	for i, want := range image.Chunks {
		n := length(i, image.Size)
		switch {
		case disk[i].Sum == want.Sum:
			p.Keep += n
		case i == 0:
			p.Send += n
		case want.Zero:
			p.Blank += n
			zero = extended(zero, Zero, i)
		default:
			p.Send += n
			write = extended(write, Write, i)
		}
	}
	if p.Keep == image.Size {
		return p
	}
	if disk[0].Sum == image.Chunks[0].Sum { // written again all the same
		n := length(0, image.Size)
		p.Keep, p.Send = p.Keep-n, p.Send+n
	}
	p.Marks = marks(image.Size, size)
	add := func(steps ...Step) { p.Steps = append(p.Steps, steps...) }
	add(Step{Clear, 0, 1})
	add(zero...)
	add(write...)
	if rest := len(image.Chunks) - 1; rest > 0 {
		add(Step{Check, 1, rest})
	}
	if len(p.Marks) > 0 {
		// What is written in between has gone through whatever cache a card has of its own.
		add(Step{Op: Mark}, Step{Write, 0, 1}, Step{Op: Proof})
	} else {
		add(Step{Write, 0, 1})
	}
	add(Step{Op: Commit}, Step{Check, 0, 1})
	return p
}

// extended is the list with one more chunk: of its last step, if that ends before it.
func extended(list []Step, op Op, chunk int) []Step {
	if n := len(list) - 1; n >= 0 && list[n].First+list[n].Count == chunk {
		list[n].Count++
		return list
	}
	return append(list, Step{op, chunk, 1})
}

// String has a line for each step, with bytes of the disk.
func (p Plan) String() string {
	var b strings.Builder
	for _, s := range p.Steps {
		switch s.Op {
		case Mark:
			fmt.Fprintf(&b, "mark   at %s\n", strings.Trim(fmt.Sprint(p.Marks), "[]"))
		case Proof:
			b.WriteString("proof  the marks are still there; make their places blank again\n")
		case Commit:
			fmt.Fprintf(&b, "commit 0-%d\n", min(pageSize, p.Image.Size)-1)
		default:
			from := int64(s.First) * ChunkSize
			end := min(from+int64(s.Count)*ChunkSize, p.Image.Size)
			fmt.Fprintf(&b, "%-6v %d-%d (%s)\n", s.Op, from, end-1, Size(end-from))
		}
	}
	return b.String()
}

// pageSize is what the memory of cards is written by at least, a multiple of every sector, and the length of a mark.
const pageSize = 4096

// marks are the places of marks beyond an image: each power of two, at which a disk that has only so much begins anew and shows its
// beginning; and the disk's end, which one that forgets what is beyond has forgotten.
func marks(image, size int64) (places []int64) {
	end := size/pageSize*pageSize - pageSize
	for at := int64(ChunkSize); at < end; at *= 2 {
		if at >= image {
			places = append(places, at)
		}
	}
	if end >= image {
		places = append(places, end)
	}
	return places
}
