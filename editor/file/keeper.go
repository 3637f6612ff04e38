package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"bantam/editor/text"
)

// ErrOpenElsewhere: another editor has the same file open. The error is an
// *OpenElsewhere.
var ErrOpenElsewhere = errors.New("open in another editor")

// OpenElsewhere says which one.
type OpenElsewhere struct{ PID int } // 0: it does not say

func (e *OpenElsewhere) Error() string {
	if e.PID == 0 {
		return ErrOpenElsewhere.Error()
	}
	return fmt.Sprintf("%v, process %d", ErrOpenElsewhere, e.PID)
}

func (e *OpenElsewhere) Is(target error) bool { return target == ErrOpenElsewhere }

// What a Keeper has in its folder, for each file under a name made from its path.
const (
	suffixLock    = ".lock"
	suffixKept    = ".kept" // and .kept.1 and so on while that waits
	suffixKeeping = ".kept.new"
	suffixDamaged = ".damaged"
)

// Keeper keeps the unsaved text of one file in a recovery file.
type Keeper struct {
	disk disk
	dir  string
	path string // of the edited file
	lock handle

	aside int // how many older texts wait
}

// OpenKeeper locks the recovery file that dir has for a path and returns what
// an earlier editor has left there or during a save, or nil. An error with a
// Keeper is only about that: what is damaged (ErrDamaged) is set aside.
func OpenKeeper(dir, path string) (*Keeper, *Found, error) {
	if _, err := os.Stat(dir); err != nil {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, nil, err
		}
		if err := (linux{}).SyncDir(filepath.Dir(dir)); err != nil {
			return nil, nil, err
		}
	}
	return openKeeper(linux{}, dir, path)
}

func openKeeper(d disk, dir, path string) (*Keeper, *Found, error) {
	path, err := d.Resolve(path)
	if err != nil {
		return nil, nil, err
	}
	k := &Keeper{disk: d, dir: dir, path: path}
	k.lock, err = claim(d, k.name(suffixLock), 0o600)
	if errors.Is(err, ErrBusy) {
		return nil, nil, fmt.Errorf("%s: %w", path, &OpenElsewhere{k.holder()})
	}
	if err != nil {
		return nil, nil, err
	}
	k.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0) // only for people
	found, err := k.found()
	return k, found, err
}

func (k *Keeper) name(suffix string) string { return within(k.dir, k.path, suffix) }

// holder is the process that has the lock.
func (k *Keeper) holder() int {
	h, err := k.disk.Open(k.name(suffixLock), false)
	if err != nil {
		return 0
	}
	defer h.Close()
	pid, _ := io.ReadAll(io.NewSectionReader(h, 0, 20))
	n, _ := strconv.Atoi(strings.TrimSpace(string(pid)))
	return n
}

// found is what is newer: the recovery file or the copy that a save has left.
func (k *Keeper) found() (*Found, error) {
	now := &File{Path: k.path, disk: k.disk}
	if st, err := k.disk.Stat(k.path); err == nil {
		now.note(st)
	}
	copied := now.leftCopy(k.dir)
	kept, err := k.newest(now)
	if errors.Is(err, ErrDamaged) {
		if moved := k.disk.Rename(k.recovery(), k.name(suffixDamaged)); moved == nil {
			err = fmt.Errorf("%w; it is set aside as %s", err, k.name(suffixDamaged))
		}
	}
	if kept == nil {
		return copied, err
	}
	if copied != nil && copied.When.After(kept.When) {
		return copied, errors.Join(err, k.SetAside(kept))
	}
	return kept, err
}

// mostAside is how many texts of one file may wait for the person's word.
const mostAside = 9

// ErrTooManyAside: so many texts wait already that no further one can.
var ErrTooManyAside = errors.New("too much unsaved text waits to be taken or deleted")

// SetAside lets f wait: the next Keep does not replace it, and it is found again
// when nothing newer is. The copy of a save cut short waits where it lies.
func (k *Keeper) SetAside(f *Found) error {
	if f.Path != k.recovery() {
		return nil
	}
	if k.aside == mostAside {
		return ErrTooManyAside
	}
	k.aside++
	return nil
}

// recovery is the name of the recovery file.
func (k *Keeper) recovery() string {
	if k.aside == 0 {
		return k.name(suffixKept)
	}
	return k.name(suffixKept + "." + strconv.Itoa(k.aside))
}

// newest is the recovery file with the highest number, unless that was saved.
func (k *Keeper) newest(now *File) (*Found, error) {
	for k.aside = mostAside; ; k.aside-- {
		if found, err := k.kept(now); found != nil || err != nil || k.aside == 0 {
			return found, err
		}
	}
}

func (k *Keeper) kept(now *File) (*Found, error) {
	path := k.recovery()
	h, err := k.disk.Open(path, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer h.Close()
	data, err := io.ReadAll(io.NewSectionReader(h, 0, math.MaxInt64))
	if err != nil {
		return nil, err
	}
	r, err := readRecord(data)
	if err == nil && r.path != k.path {
		err = fmt.Errorf("%w: it is that of %s", ErrDamaged, r.path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := &Found{When: r.when, Path: path, disk: k.disk, record: r}
	f.Behind = r.stamp != now.stamp()
	if r.whole() && now.holds(bytes.NewReader(r.added), int64(len(r.added))) {
		return nil, f.Drop() // it was saved
	}
	return f, nil
}

// Keep writes s to the recovery file, synced; src is the file that s is of.
// Of a text of up to 1 MiB it keeps all, of a longer one what the file does
// not have, if that is at most 64 MiB. What was found before is replaced.
func (k *Keeper) Keep(s text.Snapshot, src *File) error {
	if err := k.keep(s, src); err != nil {
		return fmt.Errorf("keep the text of %s: %w", k.path, err)
	}
	return nil
}

func (k *Keeper) keep(s text.Snapshot, src *File) error {
	r := record{path: k.path, when: time.Now(), stamp: src.stamp()}
	if s.Len() > inMemory {
		r.pieces = src.base.express(s.Pieces())
	} else if s.Len() > 0 {
		r.pieces = []text.Piece{{Added: true, Len: s.Len()}}
	}
	size := 0
	for _, p := range r.pieces {
		if p.Added {
			size += p.Len
		}
	}
	if size > largestRestore {
		return fmt.Errorf("%d bytes are not in the file, too many to keep before it is saved", size)
	}
	h, err := claim(k.disk, k.name(suffixKeeping), 0o600)
	if err != nil {
		return err
	}
	defer h.Close()
	err = writeRecord(io.NewOffsetWriter(h, 0), r, s)
	if err == nil {
		err = h.Sync()
	}
	if err == nil {
		err = k.disk.Rename(k.name(suffixKeeping), k.recovery())
	}
	if err != nil {
		k.disk.Remove(k.name(suffixKeeping))
		return err
	}
	return k.disk.SyncDir(k.dir)
}

// Drop removes the recovery file: the text is saved, or not wanted.
func (k *Keeper) Drop() error {
	return (&Found{Path: k.recovery(), disk: k.disk}).Drop()
}

// Close lets others open the file. The recovery file stays.
func (k *Keeper) Close() error {
	return errors.Join(k.disk.Remove(k.name(suffixLock)), k.lock.Close())
}
