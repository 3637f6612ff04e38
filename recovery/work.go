package recovery

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"bantam/board"
	"bantam/printable"
)

// pieceOnLine is how much is loaded and written at once where it comes over a serial line: what a line that breaks costs.
const pieceOnLine = 512 << 10

// A Job is an image that is to get onto a board.
type Job struct {
	Rescue board.Rescue
	Image  io.ReaderAt
	Size   int64 // in bytes
	Ours   bool  // it is of Bantam, which will prove itself on the console

	Name        string         // of the board, for people
	Force       bool           // write although the board says that it is another
	ByTFTP      bool           // load over the network, else over the line
	Host, Board string         // addresses for that, e.g. 192.168.1.10
	Wait        time.Duration  // for the boot loader
	Say         func(string)   // a line for the person
	Show        func(Progress) // nil: nobody is told
}

// Progress is how far it is.
type Progress struct {
	Doing       string // e.g. "loading"
	Done, Total int64  // bytes
}

// work is a job at the prompt of a boot loader.
type work struct {
	*Job
	*loader
	address int64 // in memory
	piece   int64 // bytes
	short   bool  // the line loses too much for long blocks
	fast    []int // speeds that are still to be tried
	again   bool  // it is not the first time that pieces are looked at

	there, loaded, zeros int64 // bytes: on the medium already; loaded and written; made zeros there
}

// Begin starts the conversation.
func (j *Job) Begin() *Talk {
	return begin(func(l *line) error {
		w := &work{Job: j, fast: j.Rescue.Fast}
		w.loader = &loader{l, j.Rescue, w.tell}
		err := w.do()
		if errors.Is(err, ErrInterrupted) {
			_ = w.calm() // so that the next one finds a prompt
		}
		return err
	})
}

func (w *work) tell(format string, args ...any) { w.Say(fmt.Sprintf(format, args...)) }

func (w *work) show(doing string, done int64) {
	if w.Show != nil {
		w.Show(Progress{doing, done, w.Size})
	}
}

func (w *work) do() error {
	if err := w.reach(w.Wait); err != nil {
		return err
	}
	if err := w.identify(); err != nil {
		return err
	}
	if err := w.medium(); err != nil {
		return err
	}
	if err := w.memory(); err != nil {
		return err
	}
	w.tell("pieces of %d KiB at %#x in its memory", w.piece>>10, w.address)
	for pass := 0; ; pass++ {
		again, err := w.pass(pass > 0)
		if err != nil {
			return err
		}
		if !again {
			break
		}
		if pass == passes {
			return errors.New("what was read back whole is something else later: its medium is worn out, or smaller than it says")
		}
	}
	w.tell("the medium holds the image, all of it read back and summed up: %d bytes loaded and written, %d made zeros, %d were there", w.loaded, w.zeros, w.there)
	return w.prove()
}

// passes are how often all of the image is looked at: a command that was altered on its way, and back again, or a medium that lies
// about its size, may have written where something lay already.
const passes = 3

// pass puts all pieces onto the medium, and says whether another one has to look at them.
func (w *work) pass(look bool) (again bool, err error) {
	done, loaded := int64(0), w.loaded+w.zeros
	w.again = look
	for _, at := range order(w.Size, w.piece) {
		size := min(w.piece, w.Size-at)
		if err := w.put(at, size, done); err != nil {
			return false, fmt.Errorf("bytes %d to %d: %w", at, at+size-1, err)
		}
		done += size
		w.show("writing", done)
	}
	return w.loaded+w.zeros > loaded, nil
}

// order is that in which pieces are written: the first comes last, for it has what a boot ROM or a boot loader begins with.
func order(size, piece int64) (offsets []int64) {
	for at := piece; at < size; at += piece {
		offsets = append(offsets, at)
	}
	return append(offsets, 0)
}

// identify refuses another board than the image is for.
func (w *work) identify() error {
	version, err := w.run("version", commandPatience)
	if err == nil {
		if lines := strings.FieldsFunc(version, func(r rune) bool { return r == '\r' || r == '\n' }); len(lines) > 0 {
			w.tell("boot loader: %s", printable.Line(strings.TrimSpace(lines[0])))
		}
	} else if !errors.As(err, new(*RefusedError)) {
		return err
	}
	if w.Rescue.Identify == "" {
		return nil
	}
	var said string
	for range 5 {
		said, err = w.run(w.Rescue.Identify, commandPatience)
		if err != nil && !errors.As(err, new(*RefusedError)) {
			return err
		}
		if strings.Contains(said, w.Rescue.Identity) {
			return nil
		}
	}
	if w.Force {
		w.tell("it is not %s by what `%s` says; it is written nevertheless", w.Name, w.Rescue.Identify)
		return nil
	}
	return fmt.Errorf("this is another board than %s: `%s` says %s, not %q; nothing was changed; --force if you know better", w.Name, w.Rescue.Identify,
		printable.Line(fmt.Sprintf("%q", strings.TrimSpace(said))), w.Rescue.Identity)
}

// medium finds what is written to, and refuses an image that is larger.
func (w *work) medium() error {
	if w.Rescue.Found == "" {
		_, err := w.all(w.Rescue.Prepare, values{}, commandPatience)
		return err
	}
	found := regexp.MustCompile(w.Rescue.Found) // it was checked
	var said string
	var groups []string
	for i := 0; groups == nil && i < 5; i++ {
		var err error
		if said, err = w.all(w.Rescue.Prepare, values{}, commandPatience); err != nil && (i == 4 || !errors.As(err, new(*RefusedError))) {
			return err
		}
		groups = found.FindStringSubmatch(said)
	}
	if groups == nil {
		return fmt.Errorf("its medium is not found: `%s` says %s", strings.Join(w.Rescue.Prepare, "; "), printable.Line(fmt.Sprintf("%q", strings.TrimSpace(said))))
	}
	if len(groups) < 2 {
		return nil
	}
	if blocks, err := strconv.ParseInt(groups[1], 0, 64); err == nil {
		if room := blocks*w.Rescue.Block - w.Rescue.Start; room < w.Size {
			return fmt.Errorf("the image has %d bytes and there are %d on its medium; nothing was changed", w.Size, room)
		}
		w.tell("medium: %d blocks of %d bytes", blocks, w.Rescue.Block)
	}
	return nil
}

// How often a piece is loaded until it is whole, and written until it can be read back: on a line that loses bytes a command may be lost.
const (
	tries  = 5
	writes = 2
)

// put has a piece of the image on the medium.
func (w *work) put(at, size, done int64) error {
	data, err := w.read(at, size)
	if err != nil {
		return err
	}
	v := values{address: w.address, bytes: int64(len(data)), offset: w.Rescue.Start + at, block: w.Rescue.Block}
	sum := crc32.ChecksumIEEE(data)
	limit := mediumPatience(v.bytes)
	w.show("comparing", done)
	same, err := w.onMedium(v, sum, limit)
	if err != nil {
		return err
	}
	if same {
		if !w.again {
			w.there += size
		}
		return nil
	}
	var said string
	for range writes { // reading back has put something else into memory
		if err := w.fetch(data, v, sum, done); err != nil {
			return err
		}
		if said, err = w.all(w.Rescue.Write, v, limit); err != nil {
			return err
		}
		if same, err := w.onMedium(v, sum, limit); err != nil || same {
			return err
		}
	}
	return fmt.Errorf("the medium gives back something else than was written: it is worn out or write-protected. `%s` said %s",
		v.in(strings.Join(w.Rescue.Write, "; ")), printable.Line(fmt.Sprintf("%q", strings.TrimSpace(said))))
}

// mediumPatience is for so many bytes written at 100 kB/s, and erased before.
func mediumPatience(bytes int64) time.Duration {
	return commandPatience + time.Duration(bytes/100_000)*time.Second
}

// read reads a piece of the image, made up to whole blocks: with what erased flash holds, where blocks are erased.
func (w *work) read(at, size int64) ([]byte, error) {
	whole := (size + w.Rescue.Block - 1) / w.Rescue.Block * w.Rescue.Block
	data := make([]byte, whole)
	if n, err := w.Image.ReadAt(data[:size], at); err != nil && int64(n) != size {
		return nil, fmt.Errorf("the image: %w", err)
	}
	if w.Rescue.Block > 4096 {
		for i := size; i < whole; i++ {
			data[i] = 0xff
		}
	}
	return data, nil
}

// onMedium says whether the medium holds what has a sum. Memory is cleared before, so that what lies there is not taken for it.
func (w *work) onMedium(v values, sum uint32, limit time.Duration) (bool, error) {
	if _, err := w.run(v.in(w.Rescue.Clear), limit); err != nil {
		return false, err
	}
	if _, err := w.all(w.Rescue.Read, v, limit); err != nil {
		return false, err
	}
	return w.holds(v, sum)
}

// fetch has a piece in the boot loader's memory.
func (w *work) fetch(data []byte, v values, sum uint32, done int64) error {
	if allZero(data) {
		if _, err := w.run(v.in(w.Rescue.Clear), mediumPatience(v.bytes)); err != nil {
			return err
		}
		if same, err := w.holds(v, sum); err != nil || same {
			w.zeros += v.bytes
			return err
		}
	}
	for range tries {
		if err := w.load(data, v, done); err != nil {
			return err
		}
		switch same, err := w.holds(v, sum); {
		case err != nil:
			return err
		case same:
			w.loaded += v.bytes
			return nil
		}
		w.tell("what was loaded is damaged, and is loaded again")
	}
	return fmt.Errorf("it was damaged on its way %d times; nothing of it was written", tries)
}

func allZero(data []byte) bool {
	for _, b := range data {
		if b != 0 {
			return false
		}
	}
	return true
}
