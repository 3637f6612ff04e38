package pid1

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/netcfg"
	"bantam/switcher"
)

func TestTheSwitcherSeesBothFamiliesOfAllPortsTogether(t *testing.T) {
	n := networkState(netcfg.Status{Config: "c", Online: true, Ports: []netcfg.PortStatus{
		{Name: "eth0", IPv4: netcfg.Family{Address: true}, IPv6: netcfg.Family{Address: true}},
		{Name: "eth1", Optional: true, IPv4: netcfg.Family{Address: true, Default: true}},
	}}, []string{"eth0", "eth1"})
	if want := (switcher.Family{Addressed: true, Routed: true}); n.IPv4 != want {
		t.Errorf("IPv4 %+v, want %+v", n.IPv4, want)
	}
	if want := (switcher.Family{Addressed: true}); n.IPv6 != want {
		t.Errorf("IPv6 %+v, want %+v", n.IPv6, want)
	}
	if n.Config != "c" || !n.Online || len(n.Ports) != 2 || !n.Ports[1].Optional || len(n.Links) != 2 {
		t.Errorf("%+v", n)
	}
}

// Everybody reads what PID 1 writes there; the configurator writes only its leases.
func TestModesOfTheNetworkFolder(t *testing.T) {
	for _, mask := range []int{0, 0o077} {
		dir := filepath.Join(t.TempDir(), "net")
		report, leases := filepath.Join(dir, "report"), filepath.Join(dir, "leases")
		old := unix.Umask(mask)
		l, err := networkFolder(dir, report, leases)
		unix.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for path, want := range map[string]string{dir: "drwxr-xr-x 0 0", leases: "drwx------ 65533 65533", report: "Srw------- 65533 65533"} {
			var st unix.Stat_t
			info, err := os.Lstat(path)
			if err == nil {
				err = unix.Lstat(path, &st)
			}
			if got := fmt.Sprintf("%v %d %d", info.Mode(), st.Uid, st.Gid); err != nil || got != want {
				t.Errorf("umask %03o: %s is %s, %v, want %s", mask, filepath.Base(path), got, err, want)
			}
		}
	}
}
