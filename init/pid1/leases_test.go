package pid1

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/netcfg"
)

func TestWhatTheConfiguratorRemembersOutlivesTheMachine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dhcp-addresses")
	k := newLeaseKeeper(path, netcfg.MaxRemembered)
	if got := k.load(); got != "" {
		t.Errorf("from nothing: %q", got)
	}
	k.keep("first")
	if err := k.save(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if err := os.Remove(path); err != nil { // to see whether it is written again
		t.Fatal(err)
	}
	k.keep("first")
	if err := k.save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("what has not changed is written again")
	}
	k.keep("second")
	if err := k.save(); err != nil {
		t.Fatal(err)
	}
	if got := newLeaseKeeper(path, netcfg.MaxRemembered).load(); got != "second" {
		t.Errorf("after the reboot: %q", got)
	}
	var none *leaseKeeper
	if err := none.save(); err != nil {
		t.Errorf("of a machine that has not come so far: %v", err)
	}
}

func TestManyChangesAreFewWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dhcp-addresses")
	k := newLeaseKeeper(path, netcfg.MaxRemembered)
	go k.tend(time.Hour) // it never ends, as in the machine
	k.keep("first")
	for range 1000 {
		if text, _ := os.ReadFile(path); string(text) == "first" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for range 1000 {
		k.keep("more") // and waits for nobody
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "first" {
		t.Errorf("%q, %v", text, err)
	}
	if err := k.save(); err != nil { // the machine's end
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "more" {
		t.Errorf("%q", text)
	}
}

func TestWhatWasPutInThePlaceOfTheKeptAddressesDoesNoHarm(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "dhcp-addresses")
	for name, put := range map[string]func() error{
		"a folder":  func() error { return os.Mkdir(path, 0o700) },
		"a link":    func() error { return os.Symlink("/dev/zero", path) },
		"too large": func() error { return os.WriteFile(path, []byte(strings.Repeat("x", netcfg.MaxRemembered+1)), 0o600) },
	} {
		if err := put(); err != nil {
			t.Fatal(err)
		}
		if got := newLeaseKeeper(path, netcfg.MaxRemembered).load(); got != "" {
			t.Errorf("%s: %d bytes", name, len(got))
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}
