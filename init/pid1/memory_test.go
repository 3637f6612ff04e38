package pid1

import (
	"strings"
	"testing"

	"bantam/init/statevolume"
)

func TestWhatLiesInMemoryLeavesAQuarterOfIt(t *testing.T) {
	for _, memory := range []int64{64 << 20, 128 << 20, 512 << 20, 8 << 30} {
		sum := int64(devBytes) + memory*rootShare/100 + memory*statevolume.MemoryShare/100
		for _, a := range areas {
			bytes, files := a.size(memory)
			if files < fewestFiles || files > max(fewestFiles, bytes/1024/4) {
				t.Errorf("%s: %d files in %d bytes", a.path, files, bytes)
			}
			sum += bytes
		}
		if sum > memory*3/4 {
			t.Errorf("of %d MiB, %d MiB may be files", memory>>20, sum>>20)
		}
	}
}

// A folder in memory without bounds takes half of it, and a file for every page.
func TestEveryFileSystemInMemoryIsBounded(t *testing.T) {
	for _, c := range Mounts(128 << 20) {
		m, ok := c.(Mount)
		if !ok {
			continue
		}
		if m.Type == "tmpfs" && !strings.Contains(m.Data, "nr_inodes=") || strings.HasSuffix(m.Type, "tmpfs") && !strings.Contains(m.Data, "size=") {
			t.Errorf("%v: %s", m, m.Data)
		}
	}
}

func TestTheNetworkConfiguratorFillsNothingButItsOwn(t *testing.T) {
	own := 0
	for _, a := range areas {
		if a.owner == netcfgUser {
			own++
			if a.path != netDir {
				t.Errorf("%s belongs to it", a.path)
			}
		}
	}
	if own != 1 {
		t.Errorf("%d folders belong to it, want %s", own, netDir)
	}
}
