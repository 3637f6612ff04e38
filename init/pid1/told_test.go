package pid1

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
	"bantam/init/control"
	"bantam/init/statevolume"
	"bantam/init/supervise"
	"bantam/switcher"
)

func TestWithDamagedFilesTheMachineAndTheEditorWorkInOneMemory(t *testing.T) {
	out, err := output(t, "damaged")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out,
		"the store beside the editor's draft: <nil>",
		"kept: untrusted, lasting false",
		"written to the damaged volume: []",
	)
}

func TestAKernelWithoutCgroupsIsTold(t *testing.T) {
	out, err := output(t, "cgroups")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out, "notes: [services are held together by their process groups alone, which a daemon can leave: no cgroup v2 at /sys/fs/cgroup]")
}

func withoutCgroups() error {
	if err := errors.Join(emptyRoot(os.Getenv("BANTAM_DIR")), forgetHost()); err != nil {
		return err
	}
	p := &initProcess{signals: CatchSignals()}
	p.newSupervisor()
	say("notes: %v", p.notes.all())
	return nil
}

func restartedByItself() error {
	if err := errors.Join(emptyRoot(os.Getenv("BANTAM_DIR")), forgetHost()); err != nil {
		return err
	}
	p := &initProcess{volume: statevolume.Volume{Kind: statevolume.OnDisk}}
	p.restartSoon("it had to")
	next := &initProcess{volume: p.volume}
	next.lastWords()
	told := strings.Join(next.notes.all(), "; ")
	say("told: %s", told[:strings.LastIndexByte(told, '/')+1]) // the name has the time in it
	return nil
}

// damagedVolume finds a file where the folder of the store should be, and then
// saves the draft as the editor does.
func damagedVolume() error {
	if err := errors.Join(
		emptyRoot(os.Getenv("BANTAM_DIR")), forgetHost(),
		os.Mkdir("/run", 0o755), os.Mkdir("/disk", 0o755), os.Mkdir(statePath, 0o755),
		unix.Mount("disk", "/disk", "tmpfs", 0, ""),
		unix.Mount("/disk", statePath, "", unix.MS_BIND, ""),
		os.Mkdir("/disk/draft", 0o755), // as openVolume does
		os.WriteFile("/disk/store", nil, 0o600),
	); err != nil {
		return err
	}
	text := []byte("hostname = \"image\"\n")
	p := &initProcess{
		image: imageGeneration{text: text, Generation: switcher.Generation{
			Board: "pc", Arch: "amd64", System: switcher.Descriptor{MediaType: switcher.SystemType, Digest: switcher.DigestOf(text), Size: int64(len(text))},
		}},
		machine: NewMachine(supervise.New(supervise.Options{Cgroup: "/none/bantam"}), nil, "", nil, nil),
		volume:  statevolume.Volume{Kind: statevolume.OnDisk, Dir: statePath, Device: "/dev/vda2"},
	}
	if _, err := p.openSwitcher(); err != nil {
		return err
	}
	if err := atomicfile.Write(control.DraftPath, []byte("hostname = \"edited\""), 0o644); err != nil {
		return err
	}
	_, err := os.Stat(filepath.Join(control.DraftPath, "../../store/oci-layout"))
	say("the store beside the editor's draft: %v", err)
	say("kept: %v, lasting %v", p.volume.Kind, p.lasting())
	onDisk, err := filepath.Glob("/disk/draft/*")
	say("written to the damaged volume: %q", onDisk)
	return err
}
