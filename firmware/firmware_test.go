package firmware

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run runs somebody else's program in a folder and returns what it prints.
func run(t *testing.T, dir, pkg string, command ...string) string {
	t.Helper()
	if _, err := exec.LookPath(command[0]); err != nil {
		t.Fatalf("%s is missing: apt-get install %s", command[0], pkg)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000", "TZ=UTC", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v: %s", command, err, out)
	}
	return string(out)
}

// folder holds files for other people's programs.
func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func content(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// noise is so many bytes that look like nothing else.
func noise(count int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, seed))
	b := make([]byte, count)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func source(b []byte) Source { return bytes.NewReader(b) }

// written is what a writer writes.
func written(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// all reads a source.
func all(t *testing.T, s Source) []byte {
	t.Helper()
	b, err := readAt(s, 0, s.Size())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// eachFlip yields bytes with each bit of a part of them turned, one after the other; in short tests one of seven.
func eachFlip(b []byte, from, to int, yield func(bit int)) {
	step := 1
	if testing.Short() {
		step = 7
	}
	for bit := 8 * from; bit < 8*to; bit += step {
		b[bit/8] ^= 1 << (bit % 8)
		yield(bit)
		b[bit/8] ^= 1 << (bit % 8)
	}
}

// refused checks that a file is refused for some reason that does not stem from the library.
func refused(t *testing.T, claim string, err error) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s: it is accepted", claim)
	case errors.Is(err, io.EOF) || strings.Contains(err.Error(), "\n"):
		t.Errorf("%s: %q does not say what is wrong", claim, err)
	}
}

// eachTruncation checks that a file is refused at each length that it does not have; in short tests at one of seven.
func eachTruncation(t *testing.T, b []byte, read func(Source) error) {
	t.Helper()
	step := 1
	if testing.Short() {
		step = 7
	}
	for size := 0; size < len(b); size += step {
		refused(t, fmt.Sprintf("%d of %d bytes", size, len(b)), read(source(b[:size])))
	}
}

// A sparse source is zeros with some bytes in them, of any size.
type sparse struct {
	size int64
	at   map[int64][]byte
}

func (s sparse) Size() int64 { return s.size }

func (s sparse) ReadAt(b []byte, at int64) (int, error) {
	n := int(min(int64(len(b)), max(s.size-at, 0)))
	clear(b[:n])
	for from, content := range s.at {
		if low, high := max(from, at), min(from+int64(len(content)), at+int64(n)); low < high {
			copy(b[low-at:high-at], content[low-from:])
		}
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

const gib = 1 << 30
