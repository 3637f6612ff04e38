package pid1

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"bantam/init/supervise"
	"bantam/regular"
	"bantam/switcher"
	"bantam/system"
)

// Limits of the comparison of programs. What takes longer, or is larger, counts
// as not known; see lifecycle.SameFingerprint.
const (
	mostProgram = 512 << 20        // bytes
	readLimit   = 10 * time.Second // for one program
	readsLimit  = 30 * time.Second // for all of a system
	readChunk   = 256 << 10
	readAgain   = 10 * time.Minute // a program that took too long is not tried again before
	mostDigests = 1000
	youngFile   = 2 * time.Second // the coarsest clock of a file system
)

var (
	errSlow     = fmt.Errorf("not read within %v", readLimit)
	errAllSlow  = fmt.Errorf("not read, because all programs together took %v", readsLimit)
	errChanging = errors.New("it changes while it is read")
)

// fileID tells a program's bytes apart without reading them. Whoever sets mtime
// back cannot set ctime back.
type fileID struct {
	dev, inode         uint64
	size, mtime, ctime int64
}

func idOf(st unix.Stat_t) fileID {
	return fileID{uint64(st.Dev), st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano()}
}

// Fingerprints are of the services as they would be started now.
func (m *Machine) Fingerprints(sys *system.System, inTree switcher.FindInTree) (map[string]string, error) {
	return fingerprints(sys, m.looks, func(file string) (string, bool) { return m.usrProgram(file, inTree) }, m.digest), nil
}

// fingerprints waits for digest, of a file system that may not answer, only so long.
// usr says what lies below /usr, or is Bantam's own, without a look.
func fingerprints(sys *system.System, l *looks, usr func(path string) (digest string, known bool), digest func(ctx context.Context, path string) (string, error)) map[string]string {
	all, cancel := context.WithTimeoutCause(context.Background(), readsLimit, errAllSlow)
	defer cancel()
	prints := map[string]string{}
	for name, service := range sys.Services {
		prints[name] = supervise.Fingerprint(serviceDefinition(name, service, sys), func(path string) (string, error) {
			if digest, known := usr(path); known && digest == "" {
				return "", fs.ErrNotExist
			} else if known {
				return digest, nil
			}
			one, cancel := context.WithTimeoutCause(all, readLimit, errSlow)
			defer cancel()
			return look(one, l, path, func() (string, error) { return digest(one, path) })
		})
	}
	return prints
}

// digest names the bytes of a program. Every command of Bantam is the device
// binary, whose digest the generation knows; others are read. The folder that
// it is in may be anybody's.
func (m *Machine) digest(ctx context.Context, path string) (string, error) {
	f, err := regular.Open(path, 0, mostProgram)
	if err != nil {
		return "", err
	}
	defer f.Close()
	id := idOf(f.Stat)
	var self unix.Stat_t
	if unix.Stat("/proc/self/exe", &self) == nil && self.Dev == f.Stat.Dev && self.Ino == f.Stat.Ino {
		return m.binary, nil
	}
	m.mu.Lock()
	known, slow := m.digests[id], m.slow[id]
	m.mu.Unlock()
	switch {
	case known != "":
		return known, nil
	case slow != 0 && m.Now()-slow < readAgain:
		return "", errSlow
	}
	sum := sha256.New()
	for err == nil {
		if ctx.Err() != nil {
			if err = context.Cause(ctx); err == errSlow {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.slow[id] = m.Now()
			}
			return "", err
		}
		_, err = io.CopyN(sum, f, readChunk)
	}
	if err != io.EOF {
		return "", err
	}
	digest := "sha256:" + hex.EncodeToString(sum.Sum(nil))
	now, err := f.StatNow()
	if err != nil {
		return "", err
	}
	if idOf(now) != id {
		return "", errChanging
	}
	m.keepDigest(id, digest)
	return digest, nil
}

// keepDigest remembers it for as long as the file stays as it is.
func (m *Machine) keepDigest(id fileID, digest string) {
	if time.Since(time.Unix(0, id.ctime)) < m.young {
		return // it could still change at the same time, as its file system tells time
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.digests) >= mostDigests {
		clear(m.digests)
		clear(m.slow)
	}
	m.digests[id] = digest
}
