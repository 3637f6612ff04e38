package images

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// Both architectures that boards have, also the one that this host is not.
func TestClosureIsWhatAptWouldInstall(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			archive := Archive{CacheDir: testCache(t).Dir, Release: "bookworm", Arch: arch}
			all, err := archive.Closure(context.Background(), "nftables")
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, r := range all {
				names = append(names, r.Package)
				if len(r.SHA256) != 64 || r.Version == "" || r.Size < 1000 || r.Filename == "" || r.Architecture != arch && r.Architecture != "all" {
					t.Errorf("record %+v", r)
				}
			}
			if len(names) < 10 || names[0] != "nftables" || !slices.IsSorted(names[1:]) {
				t.Errorf("closure %q", names)
			}
			i := slices.Index(names, "libc6")
			if i < 0 || all[i].Source != "glibc" || all[i].SourceVersion != all[i].Version {
				t.Errorf("libc6 is %d of %+v", i, all)
			}
		})
	}
}

func TestMissingPackagesAreExplained(t *testing.T) {
	archive := Archive{CacheDir: testCache(t).Dir, Release: "bookworm", Arch: "amd64"}
	for name, want := range map[string]string{
		"mosquito":             `did you mean "mosquitto"?`,
		"mail-transport-agent": "so are called courier-mta, ",
		"nft":                  "",
	} {
		_, err := archive.Closure(context.Background(), name)
		var missing *NoPackage
		if !errors.As(err, &missing) || missing.Name != name || !strings.HasPrefix(missing.Instead, want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
