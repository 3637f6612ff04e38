package pid1

import (
	"crypto/sha512"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
)

// seedSize is what is stored; the kernel's pool holds 256 bits.
const seedSize = sha512.Size

// CreditSeed feeds the seed saved at path, e.g. /state/seed, into the kernel's
// random pool, so that nothing waits for entropy on a machine without a source.
// Without a file, as at the first boot, it does nothing.
//
// A seed counts as entropy only once. The file is therefore replaced, on the
// disk, before the old seed is used; if that is not possible the seed is mixed
// in without being counted. What is used and what is stored are different
// hashes, so neither tells the other.
func CreditSeed(path string) error { return creditSeed(path, addEntropy) }

// creditSeed gives add what goes into the pool, and how many bits of it count.
func creditSeed(path string, add func(data []byte, bits int) error) error {
	old, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var fresh [32]byte
	_, _ = unix.Getrandom(fresh[:], unix.GRND_INSECURE) // the pool may not be ready; old makes up for it
	now := time.Now().UTC().Format(time.RFC3339Nano)
	next := derive("next", old, fresh[:], []byte(now))
	use := derive("use", old, fresh[:], []byte(now))
	bits := 0
	replaced := atomicfile.Write(path, next, 0o600)
	if replaced == nil && len(old) >= 32 {
		bits = 256
	}
	if err := add(use, bits); err != nil {
		return err
	}
	if replaced != nil {
		return fmt.Errorf("random seed not counted, it could not be replaced: %w", replaced)
	}
	return nil
}

// SaveSeed stores a new seed, hourly and at shutdown. It keeps what an older
// one knew, and leaves the file alone while the kernel has no entropy itself.
func SaveSeed(path string) error {
	var fresh [seedSize]byte
	if _, err := unix.Getrandom(fresh[:], unix.GRND_NONBLOCK); err != nil {
		return fmt.Errorf("random seed not saved: getrandom: %w", err)
	}
	old, _ := os.ReadFile(path)
	return atomicfile.Write(path, derive("next", old, fresh[:]), 0o600)
}

// derive hashes parts, each with its length, under a purpose.
func derive(purpose string, parts ...[]byte) []byte {
	h := sha512.New()
	fmt.Fprintf(h, "bantam seed %s\n", purpose)
	for _, part := range parts {
		fmt.Fprintf(h, "%d\n", len(part))
		h.Write(part)
	}
	return h.Sum(nil)
}

// addEntropy is RNDADDENTROPY with struct rand_pool_info of linux/random.h.
func addEntropy(data []byte, bits int) error {
	var info struct {
		bits, size int32
		data       [seedSize]byte
	}
	info.bits = int32(bits)
	info.size = int32(copy(info.data[:], data))
	f, err := os.OpenFile("/dev/urandom", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.RNDADDENTROPY, uintptr(unsafe.Pointer(&info))); errno != 0 {
		return fmt.Errorf("ioctl RNDADDENTROPY: %w", errno)
	}
	return nil
}
