package pid1

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

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
