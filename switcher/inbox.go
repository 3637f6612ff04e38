package switcher

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bantam/atomicfile"
)

// ErrImporting: another import is under way.
var ErrImporting = errors.New("another import is under way; wait until it ends")

const (
	inboxName   = "import" // below the state folder
	inboxLock   = "lock"
	partEnding  = ".part"
	durableEach = 1 << 20 // bytes: so much is lost at most of what has come when the power goes
	largestBlob = 1 << 40 // no limit, but a number that sums of sizes can bear
)

// Inbox is where an import puts the blobs that it loads, beside the store and on the same file system: blobs/HEX is whole,
// blobs/HEX.part begun. Nothing in it is trusted; Switcher.Import reads all of it again. It is kept when a line breaks or the
// power goes: the next import goes on with what it needs of it, and removes the rest.
type Inbox struct {
	disk   disk
	dir    string
	unlock func()
}

// OpenInbox opens the inbox below the state folder, for one import at a time: ErrImporting tells of another.
func OpenInbox(state string) (*Inbox, error) {
	i, err := openInbox(osDisk{}, state)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(i.dir, 0o700); err != nil { // a generation may name what only root may know
		i.Close()
		return nil, err
	}
	return i, nil
}

func openInbox(d disk, state string) (*Inbox, error) {
	i := inboxBelow(d, state)
	if err := makeDirs(d, i.blobDir()); err != nil {
		return nil, err
	}
	unlock, err := d.Lock(i.path(inboxLock))
	if err != nil {
		return nil, err
	}
	i.unlock = unlock
	return i, nil
}

func inboxBelow(d disk, state string) *Inbox {
	return &Inbox{disk: d, dir: filepath.Join(state, inboxName)}
}

// Close lets others import. What was loaded stays.
func (i *Inbox) Close() { i.unlock() }

func (i *Inbox) path(name string) string { return filepath.Join(i.dir, name) }
func (i *Inbox) blobDir() string         { return i.path("blobs") }

func (i *Inbox) blobPathOf(name string) string { return filepath.Join(i.blobDir(), name) }

// blobPath is where a blob is once all of it is there.
func (i *Inbox) blobPath(d Digest) string { return i.blobPathOf(d.Hex()) }

// Keep removes all but what has been loaded of these blobs.
func (i *Inbox) Keep(wanted []Descriptor) error {
	keep := map[string]bool{}
	for _, d := range wanted {
		keep[d.Digest.Hex()] = true
	}
	names, err := i.disk.List(i.blobDir())
	if err != nil {
		return err
	}
	for _, name := range names {
		if keep[strings.TrimSuffix(name, partEnding)] {
			continue
		}
		if err := i.disk.Remove(i.blobPathOf(name)); err != nil {
			return err
		}
	}
	return nil
}

// Loaded is how many bytes of these blobs are there.
func (i *Inbox) Loaded(wanted []Descriptor) (bytes int64) {
	for _, d := range wanted {
		for _, path := range []string{i.blobPath(d.Digest), i.blobPath(d.Digest) + partEnding} {
			if size, err := i.disk.Size(path); err == nil {
				bytes += min(size, d.Size)
				break
			}
		}
	}
	return bytes
}

// Missing are those of the blobs of which not all bytes are there. Whether they are the right ones is for Load to see.
func (i *Inbox) Missing(wanted []Descriptor) []Descriptor {
	missing := []Descriptor{}
	for _, d := range wanted {
		if size, err := i.disk.Size(i.blobPath(d.Digest)); err != nil || size != d.Size {
			missing = append(missing, d)
		}
	}
	return missing
}

// Load makes the blob whole. open gives its bytes from that one on, which is where an earlier Load was cut off. progress, if
// it is not nil, is told how many are there. What has the wrong digest is not kept; what ends early is, for the next try.
func (i *Inbox) Load(d Descriptor, open func(from int64) (io.ReadCloser, error), progress func(done int64)) error {
	if progress == nil {
		progress = func(int64) {}
	}
	path := i.blobPath(d.Digest)
	switch have, _, err := digestAt(i.disk, path, d.Size); {
	case err == nil && have == d.Digest:
		progress(d.Size)
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		if err := i.disk.Remove(path); err != nil {
			return err
		}
	}
	resumed, err := i.fill(d, path+partEnding, open, progress)
	if resumed && errors.Is(err, errOtherBytes) { // the power may have torn what was there
		_, err = i.fill(d, path+partEnding, open, progress)
	}
	if err != nil {
		return err
	}
	return atomicfile.Commit(i.disk, path+partEnding, path)
}

var errOtherBytes = errors.New("what was loaded is not what its digest says; the source is damaged, or gives something else")

// fill loads what the part lacks, and says whether there was anything.
func (i *Inbox) fill(d Descriptor, part string, open func(int64) (io.ReadCloser, error), progress func(int64)) (resumed bool, err error) {
	sum := sha256.New()
	at, err := copyAt(i.disk, part, d.Size, sum)
	if err != nil {
		if err := i.disk.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		at, sum = 0, sha256.New()
	}
	to, err := i.disk.Append(part)
	if errors.Is(err, fs.ErrNotExist) {
		to, err = i.disk.Create(part, private)
	}
	if err != nil {
		return false, err
	}
	if at < d.Size {
		err = i.receive(d, at, to, sum, open, progress)
	}
	// Also where the line has broken: the power may go before the next try.
	if syncErr := to.Sync(); err == nil {
		err = syncErr
	}
	if closeErr := to.Close(); err == nil {
		err = closeErr
	}
	if err == nil && digestIn(sum) != d.Digest {
		err = fmt.Errorf("blob %s: %w", d.Digest.Short(), errOtherBytes)
		if removeErr := i.disk.Remove(part); removeErr != nil {
			err = removeErr
		}
	}
	return at > 0, err
}

// receive writes what open gives behind the bytes that are there already.
func (i *Inbox) receive(d Descriptor, at int64, to file, sum hash.Hash, open func(int64) (io.ReadCloser, error), progress func(int64)) error {
	from, err := open(at)
	if err != nil {
		return err
	}
	defer from.Close()
	buffer := make([]byte, 128<<10)
	for synced := at; at < d.Size; {
		n, err := from.Read(buffer[:min(int64(len(buffer)), d.Size-at)])
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return err
			}
			sum.Write(buffer[:n])
			at += int64(n)
			progress(at)
		}
		if at-synced >= durableEach {
			synced = at
			if err := to.Sync(); err != nil {
				return err
			}
		}
		if err == nil || at == d.Size { // whether these are the right ones is seen by all of them
			continue
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("blob %s: it ended after %d of %d bytes, which are kept; the same command goes on there: %w", d.Digest.Short(), at, d.Size, err)
	}
	return nil
}

// copyAt gives to all of the file at path, which has at most so many bytes, and says how many it has.
func copyAt(d disk, path string, most int64, to io.Writer) (int64, error) {
	f, err := d.Open(path, most)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return io.Copy(to, f)
}

// digestAt reads the file at path, which has at most so many bytes.
func digestAt(d disk, path string, most int64) (Digest, int64, error) {
	f, err := d.Open(path, most)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	return digestOf(f)
}

func digestOf(r io.Reader) (Digest, int64, error) {
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	return digestIn(sum), n, err
}

func digestIn(sum hash.Hash) Digest { return Digest(digestPrefix + hex.EncodeToString(sum.Sum(nil))) }
