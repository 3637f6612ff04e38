package flash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A Disk is an open one, and nobody else's. Offsets and lengths are multiples of Block.
type Disk interface {
	io.ReaderAt // from the medium, not from a cache of the host
	io.WriterAt
	Zero(at, length int64) error // asks it to forget a range, after which that may read as zeros; an error if it can do nothing like it
	Sync() error                 // what was written is on the medium
	Size() int64
	Block() int
}

// What a Disk may say; the rest are errors of the medium.
var (
	ErrGone      = errors.New("it is gone: was it pulled out?")
	ErrProtected = errors.New("it is write-protected")
)

// A Stage is a part of the work that takes time.
type Stage string

const (
	Reading     Stage = "reading the image" // before there is Work
	Comparing   Stage = "comparing"
	Writing     Stage = "writing"
	ReadingBack Stage = "reading back"
)

// Work is a disk that an image is written to.
type Work struct {
	Disk     Disk
	Image    Image
	Open     func() (io.ReadCloser, error)        // the image once more, from its beginning
	Progress func(stage Stage, done, total int64) // in bytes; nil: nobody looks

	// Begun is whether the disk is another than before. If the work has ended with an error, nothing starts from it.
	Begun bool

	buf   []byte
	first []byte           // content of chunk 0
	blank []blank          // pages that are marked
	held  map[int64][]byte // what is in the places that are not
}

// Plan reads what the disk holds in the image's place.
func (w *Work) Plan(ctx context.Context) (Plan, error) {
	disk := make([]Chunk, len(w.Image.Chunks))
	for i := range disk {
		b, err := w.read(ctx, i)
		if err != nil {
			return Plan{}, err
		}
		disk[i] = chunkOf(b)
		w.tell(Comparing, i+1, len(disk))
	}
	return MakePlan(w.Image, disk, w.Disk.Size()), nil
}

// Do executes a plan. When it ends before it is through, the disk starts nothing; the next plan goes on where it has stopped.
func (w *Work) Do(ctx context.Context, p Plan) error {
	if p.Done() {
		return nil
	}
	image, err := w.Open()
	if err != nil {
		return err
	}
	defer image.Close()
	source := &source{r: image, chunks: w.Image.Chunks, size: w.Image.Size}
	if w.first, err = source.chunk(0, nil); err != nil {
		return err
	}
	total, done := 0, 0
	for _, s := range p.Steps {
		if s.Op == Write || s.Op == Zero {
			total += s.Count
		}
	}
	if err := w.forgotten(); err != nil {
		return err
	}
	for _, s := range p.Steps {
		switch s.Op {
		case Mark:
			err = w.mark(p.Marks)
		case Clear:
			w.Begun = true
			if err = w.write(0, make([]byte, len(w.first))); err == nil {
				err = w.Disk.Sync()
			}
		case Zero:
			err = w.zero(ctx, s)
		case Write:
			for i := s.First; i < s.First+s.Count && err == nil; i++ {
				if err = ctx.Err(); err == nil {
					err = w.copy(i, source)
				}
				if err == nil {
					w.tell(Writing, done+i-s.First+1, total)
				}
			}
		case Check:
			err = w.check(ctx, s)
		case Proof:
			err = w.proof()
		case Commit:
			err = w.write(0, w.first[:min(pageSize, len(w.first))])
		}
		if err != nil {
			return w.stop(err)
		}
		if s.Op == Write || s.Op == Zero {
			done += s.Count
		}
	}
	return nil
}

// stop leaves the disk as far as it has come: what has been written shall stay there, and nothing start from it.
func (w *Work) stop(err error) error {
	if errors.Is(err, ErrGone) {
		return err
	}
	var smaller *Smaller
	if errors.As(err, &smaller) { // the marks' places are others than they seem
		_ = w.write(0, make([]byte, len(w.first)))
	} else {
		_ = w.unmark(w.blank)
	}
	_ = w.Disk.Sync()
	return err
}

// source gives the chunks of an image one after the other.
type source struct {
	r      io.Reader
	next   int
	chunks []Chunk
	size   int64
}

// chunk reads chunk i, behind the one before, into buf. It is what was surveyed, or an error.
func (s *source) chunk(i int, buf []byte) ([]byte, error) {
	if buf == nil {
		buf = make([]byte, ChunkSize)
	}
	for ; ; s.next++ {
		b := buf[:length(s.next, s.size)]
		if _, err := io.ReadFull(s.r, b); err != nil {
			return nil, fmt.Errorf("the image at byte %d: %w", int64(s.next)*ChunkSize, err)
		}
		if s.next < i {
			continue
		}
		s.next++
		if chunkOf(b) != s.chunks[i] {
			return nil, fmt.Errorf("the image at byte %d: it is another than it was a moment ago: somebody has written to its file", int64(i)*ChunkSize)
		}
		return b, nil
	}
}

// copy writes a chunk of the image; of the first one what Commit leaves to be written.
func (w *Work) copy(i int, from *source) error {
	if i == 0 {
		if len(w.first) <= pageSize {
			return nil
		}
		return w.write(pageSize, w.first[pageSize:])
	}
	if w.buf == nil {
		w.buf = make([]byte, ChunkSize)
	}
	b, err := from.chunk(i, w.buf)
	if err != nil {
		return err
	}
	return w.write(int64(i)*ChunkSize, b)
}

// write writes at a byte. What follows an image's end in the disk's last block stays.
func (w *Work) write(at int64, b []byte) error {
	if block := w.Disk.Block(); len(b)%block != 0 {
		whole := make([]byte, (len(b)+block-1)/block*block)
		if _, err := w.Disk.ReadAt(whole, at); err != nil {
			return fault("read", at, err)
		}
		copy(whole, b)
		b = whole
	}
	if _, err := w.Disk.WriteAt(b, at); err != nil {
		return fault("write", at, err)
	}
	return nil
}

// read reads a chunk of the disk, as long as the image's. The bytes are good until the next read.
func (w *Work) read(ctx context.Context, i int) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if w.buf == nil {
		w.buf = make([]byte, ChunkSize)
	}
	at, n := int64(i)*ChunkSize, length(i, w.Image.Size)
	block := int64(w.Disk.Block())
	if _, err := w.Disk.ReadAt(w.buf[:(n+block-1)/block*block], at); err != nil {
		return nil, fault("read", at, err)
	}
	return w.buf[:n], nil
}

// zero makes chunks zeros. A disk that says it has forgotten is not believed.
func (w *Work) zero(ctx context.Context, s Step) error {
	end := min(int64(s.First+s.Count)*ChunkSize, w.Image.Size)
	at := int64(s.First) * ChunkSize
	block := int64(w.Disk.Block())
	if err := w.Disk.Zero(at, (end-at)/block*block); errors.Is(err, ErrGone) {
		return fault("discard", at, err)
	}
	for i := s.First; i < s.First+s.Count; i++ {
		b, err := w.read(ctx, i)
		if err == nil && !zeros(b) {
			err = w.write(int64(i)*ChunkSize, make([]byte, len(b)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// check reads back what was written, and what was there already.
func (w *Work) check(ctx context.Context, s Step) error {
	if err := w.Disk.Sync(); err != nil {
		return fmt.Errorf("what was written did not get onto the medium: %w", err)
	}
	for i := s.First; i < s.First+s.Count; i++ {
		b, err := w.read(ctx, i)
		if err != nil {
			return err
		}
		if chunkOf(b) != w.Image.Chunks[i] {
			return w.differs(i, b)
		}
		w.tell(ReadingBack, i+1, len(w.Image.Chunks))
	}
	return nil
}

// differs says what a chunk that reads back otherwise than it was written lets suppose.
func (w *Work) differs(i int, b []byte) error {
	at, got := int64(i)*ChunkSize, chunkOf(b)
	for j := i + 1; j < len(w.Image.Chunks); j++ {
		if !got.Zero && w.Image.Chunks[j].Sum == got.Sum {
			return &Smaller{w.Disk.Size(), int64(j-i) * ChunkSize}
		}
	}
	// One that has forgotten this forgets its end, too.
	var smaller *Smaller
	if places := marks(w.Image.Size, w.Disk.Size()); len(places) > 0 {
		places = places[len(places)-1:]
		if err := w.mark(places); err == nil && errors.As(w.proof(), &smaller) {
			return &Smaller{w.Disk.Size(), at + int64(len(b))}
		}
	}
	return fmt.Errorf("between bytes %d and %d it reads back otherwise than it was written: the medium, its adapter or its cable is bad", at, at+int64(len(b)))
}

// Smaller is a disk that has less memory than it says.
type Smaller struct {
	Says, Has int64 // Has: at most
}

func (e *Smaller) Error() string {
	return fmt.Sprintf("it says that it has %s and has at most %s, as forged cards do: what is written beyond is lost, or destroys what is before", Size(e.Says), Size(e.Has))
}

func (w *Work) tell(stage Stage, chunk, of int) {
	if w.Progress != nil {
		w.Progress(stage, int64(chunk)*ChunkSize, int64(of)*ChunkSize)
	}
}

func fault(what string, at int64, err error) error {
	if errors.Is(err, ErrGone) || errors.Is(err, ErrProtected) {
		return err
	}
	return fmt.Errorf("%s at byte %d: %w", what, at, err)
}

// mark writes the marks where there is nothing: memory that holds something is there. Of what a machine keeps behind its image no byte
// is ever in danger: which pages are marked is told in the first one before, so that a run after a power cut can take the marks away.
func (w *Work) mark(places []int64) error {
	w.blank, w.held = nil, make(map[int64][]byte)
	for _, at := range places {
		b := make([]byte, pageSize)
		if _, err := w.Disk.ReadAt(b, at); err != nil {
			return fault("read", at, err)
		}
		if (b[0] == 0 || b[0] == 0xff) && uniform(b) && len(w.first) >= pageSize {
			w.blank = append(w.blank, blank{at, b[0]})
		} else {
			w.held[at] = b
		}
	}
	if len(w.blank) == 0 {
		return nil
	}
	if err := w.write(0, noteOf(w.blank)); err != nil {
		return err
	}
	if err := w.Disk.Sync(); err != nil {
		return err
	}
	for _, page := range w.blank {
		if _, err := w.Disk.WriteAt(markAt(page.at), page.at); err != nil {
			return fault("write", page.at, err)
		}
	}
	return w.Disk.Sync()
}

// proof looks for the marks where they were written, and for none in the first page, which a disk that begins anew at a mark shows
// there; and for what was in the other places.
func (w *Work) proof() error {
	want := map[int64][]byte{}
	maps.Copy(want, w.held)
	for _, page := range w.blank {
		want[page.at] = markAt(page.at)
	}
	b := make([]byte, pageSize)
	if _, err := w.Disk.ReadAt(b, 0); err != nil {
		return fault("read", 0, err)
	}
	if begins, marked := readMark(b); marked {
		return &Smaller{w.Disk.Size(), begins}
	}
	for _, at := range slices.Sorted(maps.Keys(want)) {
		if _, err := w.Disk.ReadAt(b, at); err != nil {
			return fault("read", at, err)
		}
		if !bytes.Equal(b, want[at]) {
			return &Smaller{w.Disk.Size(), at}
		}
	}
	return w.unmark(w.blank)
}

// unmark takes marks away, and then what tells of them.
func (w *Work) unmark(pages []blank) error {
	if len(pages) == 0 {
		return nil
	}
	b := make([]byte, pageSize)
	for _, page := range pages {
		if _, err := w.Disk.ReadAt(b, page.at); err != nil {
			return fault("read", page.at, err)
		}
		if hasMark(b, page.at) {
			if _, err := w.Disk.WriteAt(bytes.Repeat([]byte{page.fill}, pageSize), page.at); err != nil {
				return fault("write", page.at, err)
			}
		}
	}
	if err := w.Disk.Sync(); err != nil {
		return err
	}
	w.blank = nil
	return w.write(0, make([]byte, pageSize))
}

// forgotten takes away the marks of a run that a power cut has ended.
func (w *Work) forgotten() error {
	b := make([]byte, pageSize)
	if _, err := w.Disk.ReadAt(b, 0); err != nil {
		return fault("read", 0, err)
	}
	pages := readNote(b, w.Disk.Size())
	w.Begun = len(pages) > 0
	return w.unmark(pages)
}

// blank is a page in which each byte is the same.
type blank struct {
	at   int64
	fill byte
}

func uniform(b []byte) bool { return bytes.Equal(b[1:], b[:len(b)-1]) }

const noteForm = "Bantam is writing an image to this disk. The pages of 4096 bytes at these bytes are blank:"

// noteOf is the first page of a disk that has marks: one line with the place of each and what it was filled with.
func noteOf(pages []blank) []byte {
	b := []byte(noteForm)
	for _, page := range pages {
		b = fmt.Appendf(b, " %d=%d", page.at, page.fill)
	}
	b = append(b, '\n')
	return append(b, make([]byte, pageSize-len(b))...)
}

// readNote gives the pages that a first page tells of, if it is whole.
func readNote(b []byte, size int64) (pages []blank) {
	line, end, _ := strings.Cut(string(b), "\n")
	list, ours := strings.CutPrefix(line, noteForm)
	if !ours || strings.Trim(end, "\x00") != "" {
		return nil
	}
	for field := range strings.FieldsSeq(list) {
		var page blank
		if _, err := fmt.Sscanf(field, "%d=%d", &page.at, &page.fill); err != nil || page.at <= 0 || page.at%pageSize != 0 || page.at > size-pageSize {
			return nil
		}
		pages = append(pages, page)
	}
	return pages
}

const sector = 512 // bytes that are written whole or not at all

const markForm = "Bantam wrote this at byte %d of a disk, to see whether it has that much.\n"

// markAt is a mark: one line, again and again.
func markAt(at int64) []byte {
	line := fmt.Appendf(nil, markForm, at)
	return bytes.Repeat(line, pageSize/len(line)+1)[:pageSize]
}

// hasMark says whether a page has a sector of a mark: a power cut may have torn it.
func hasMark(page []byte, at int64) bool {
	mark := markAt(at)
	for i := 0; i < pageSize; i += sector {
		if bytes.Equal(page[i:i+sector], mark[i:i+sector]) {
			return true
		}
	}
	return false
}

// readMark tells where a mark was written.
func readMark(b []byte) (at int64, ok bool) {
	if _, err := fmt.Sscanf(string(b), markForm, &at); err != nil {
		return 0, false
	}
	return at, bytes.Equal(b, markAt(at))
}
