package netcfg

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bantam/netcfg/dhcp4"
	"bantam/regular"
)

// storedLease is the file DIR/PORT.json. It holds the server's message as it
// came, so that reading it back takes the same checks as receiving it.
type storedLease struct {
	Boot  string // /proc/sys/kernel/random/boot_id: Start means nothing in another boot
	Start time.Duration
	ACK   []byte
}

// maxLease bounds the file: a message of DHCP has at most 64 KiB.
const maxLease = 128 << 10

func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text))
}

func leasePath(dir, port string) string { return filepath.Join(dir, port+".json") }

// loadLease returns the stored lease of a port, nil when there is no usable
// one, and whether it is known to be valid now.
func loadLease(dir, port string, mac [6]byte, now time.Duration) (lease *dhcp4.Lease, valid bool) {
	// An earlier process of ours may have been made to leave anything there.
	text, err := regular.Read(leasePath(dir, port), unix.O_NOFOLLOW, maxLease)
	if err != nil {
		return nil, false
	}
	var s storedLease
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, false
	}
	lease, err = dhcp4.Restore(s.ACK, s.Start, mac)
	if err != nil {
		return nil, false
	}
	return lease, s.Boot != "" && s.Boot == bootID() && s.Start <= now && lease.ValidAt(now)
}

// saveLease writes the lease of a port; nil removes it.
func saveLease(dir, port string, lease *dhcp4.Lease) error {
	if lease == nil {
		if err := os.Remove(leasePath(dir, port)); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	text, err := json.Marshal(storedLease{Boot: bootID(), Start: lease.Start, ACK: lease.ACK})
	if err != nil {
		return fmt.Errorf("lease of %s: %w", port, err)
	}
	return writeFile(leasePath(dir, port), append(text, '\n'))
}
