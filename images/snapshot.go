package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// snapshotService keeps what Debian's archive once had; https://salsa.debian.org/snapshot-team/snapshot, file API.
const snapshotService = "https://snapshot.debian.org"

func (a *Archive) snapshotURL() string {
	if a.snapshot != "" {
		return a.snapshot
	}
	return snapshotService
}

// downloadSnapshot fetches a package from the snapshot service, which names files by SHA-1 and says which those of a
// version are. That is not believed: the digest of the record decides.
func (a *Archive) downloadSnapshot(ctx context.Context, tmp string, r Record) (string, error) {
	list, deb := filepath.Join(tmp, "binfiles.json"), filepath.Join(tmp, "package.deb")
	if err := a.get(ctx, a.snapshotURL()+"/mr/binary/"+r.Package+"/"+r.Version+"/binfiles", list); err != nil {
		return "", err
	}
	text, err := os.ReadFile(list)
	if err != nil {
		return "", err
	}
	var answer struct {
		Result []struct{ Hash, Architecture string }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return "", fmt.Errorf("list of the files of %s %s: %w", r.Package, r.Version, err)
	}
	var faults []error
	for _, f := range answer.Result {
		if f.Architecture != r.Architecture || strings.Trim(f.Hash, "0123456789abcdef") != "" {
			continue
		}
		err := a.get(ctx, a.snapshotURL()+"/file/"+f.Hash, deb)
		if err == nil {
			err = a.verify(r, deb)
		}
		if err == nil {
			return deb, nil
		}
		faults = append(faults, err)
	}
	if len(faults) == 0 {
		return "", fmt.Errorf("it has no %s %s for %s", r.Package, r.Version, r.Architecture)
	}
	return "", errors.Join(faults...)
}

// get fetches a file as apt does it, by the host's proxies and authorities.
func (a *Archive) get(ctx context.Context, url, to string) error {
	_, err := a.retry(ctx, "", "/usr/lib/apt/apt-helper", "download-file", url, to)
	return err
}
