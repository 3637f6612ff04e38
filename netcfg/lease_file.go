package netcfg

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bantam/netcfg/dhcp4"
	"bantam/netcfg/dhcp6"
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

// storedLease6 is the file DIR/PORT.dhcp6.json, with the lease as a message of its server.
type storedLease6 struct {
	Boot   string
	Start  time.Duration
	Server netip.Addr
	Reply  []byte
}

func lease6Path(dir, port string) string { return leasePath(dir, port+".dhcp6") }

// loadLease6 returns the stored lease of a port as far as it is valid now; nil where there is none.
func loadLease6(dir, port string, id dhcp6.Identity, now time.Duration) *dhcp6.Lease {
	text, err := regular.Read(lease6Path(dir, port), unix.O_NOFOLLOW, maxLease)
	if err != nil {
		return nil
	}
	var s storedLease6
	if err := json.Unmarshal(text, &s); err != nil || s.Boot == "" || s.Boot != bootID() || s.Start > now {
		return nil
	}
	lease, err := dhcp6.Restore(s.Reply, s.Start, s.Server, id)
	if err != nil {
		return nil
	}
	return lease.At(now)
}

// saveLease6 writes the DHCPv6 lease of a port; one of nothing, or nil, removes it.
func saveLease6(dir, port string, lease *dhcp6.Lease, id dhcp6.Identity) error {
	if len(leasedBy(lease)) == 0 {
		if err := os.Remove(lease6Path(dir, port)); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	text, err := json.Marshal(storedLease6{bootID(), lease.Start, lease.Server, lease.Encode(id)})
	if err != nil {
		return fmt.Errorf("lease of %s: %w", port, err)
	}
	return writeFile(lease6Path(dir, port), append(text, '\n'))
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
