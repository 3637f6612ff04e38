package statevolume

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/gpt"
)

const cdSectors = 16 * sectorsPerMiB

func testArea(o Options, name string) Area {
	return Area{Device: o.dev + "/" + name, Offset: 7008 * 512, Length: 1120 * 512}
}

// showMedium is a medium of an image with these partitions, which the kernel shows as a disk or, from sr on, as a CD.
func showMedium(t *testing.T, o Options, name string, disk gpt.GUID, partitions ...gpt.Partition) (path string) {
	t.Helper()
	table := gpt.Table{Disk: disk, Sectors: cdSectors, Partitions: partitions}
	if err := table.Verify(); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, cdSectors*512)
	gpt.ProtectiveMBR(data[:512], cdSectors, true)
	copy(data[512:], table.Primary())
	copy(data[(cdSectors-gpt.TableSectors)*512:], table.Backup())
	path = filepath.Join(o.dev, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	o.show(t, name, map[string]uint64{"size": cdSectors, "queue/logical_block_size": 2048})
	return path
}

func overwrite(t *testing.T, path string, at int64, b ...byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

func TestLayersAreFoundOnTheMediumThatTheMachineWasStartedFrom(t *testing.T) {
	other := gpt.DeriveGUID("another", "disk")
	ours := func(t *testing.T, o *Options, name string) string {
		return showMedium(t, *o, name, testGUID, esp, testLayers)
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T, o *Options)
		want    string // name of the device
		err     string // what the error says
	}{
		"a CD":                        {func(t *testing.T, o *Options) { ours(t, o, "sr0") }, "sr0", ""},
		"the ISO on a stick":          {func(t *testing.T, o *Options) { ours(t, o, "sda") }, "sda", ""},
		"a loop device is none":       {func(t *testing.T, o *Options) { ours(t, o, "loop0") }, "", "no disk has the GUID"},
		"beside somebody else's":      {func(t *testing.T, o *Options) { showMedium(t, *o, "sda", other, esp, testLayers); ours(t, o, "sr0") }, "sr0", ""},
		"none but somebody else's":    {func(t *testing.T, o *Options) { showMedium(t, *o, "sr0", other, esp, testLayers) }, "", "no disk has the GUID"},
		"an image without layers":     {func(t *testing.T, o *Options) { showMedium(t, *o, "sr0", testGUID, esp) }, "", "sr0: the medium has no partition of layers"},
		"beside one without":          {func(t *testing.T, o *Options) { showMedium(t, *o, "sda", testGUID, esp); ours(t, o, "sr0") }, "sr0", ""},
		"a damaged primary table":     {func(t *testing.T, o *Options) { overwrite(t, ours(t, o, "sda"), 512+16, 1) }, "sda", ""},
		"something else in its place": {func(t *testing.T, o *Options) { overwrite(t, ours(t, o, "sda"), 450, make([]byte, 600)...) }, "", "no disk has the GUID"},
		"a CD whose end cannot be read": {func(t *testing.T, o *Options) {
			if err := os.Truncate(ours(t, o, "sr0"), 8<<20); err != nil {
				t.Fatal(err)
			}
		}, "sr0", ""},
		"a drive that does not answer": {func(t *testing.T, o *Options) { silentDisk(t, *o, "sr0"); ours(t, o, "sr1") }, "sr1", ""},
		"only that":                    {func(t *testing.T, o *Options) { silentDisk(t, *o, "sr0") }, "", "sr0: it does not answer"},
		"one that cannot be opened": {func(t *testing.T, o *Options) { // yet: the kernel shows it before its node is there
			o.show(t, "sr0", map[string]uint64{"size": cdSectors})
		}, "", "sr0: open "},
		"no disk at all": {func(t *testing.T, o *Options) {
			if err := os.Mkdir(o.sys, 0o755); err != nil {
				t.Fatal(err)
			}
		}, "", "no disk has the GUID"},
		"a command line that names none": {func(t *testing.T, o *Options) { o.Cmdline = "quiet" }, "", "names no disk"},
		"a bad name of a disk":           {func(t *testing.T, o *Options) { o.Cmdline = "bantam.disk=vda" }, "", "bantam.disk"},
		"of two the one that the initrd was read from": {func(t *testing.T, o *Options) {
			withOrigin(t, o, ours(t, o, "sda"), other)
			withOrigin(t, o, ours(t, o, "sdb"), ownOf("sdb"))
			o.Cmdline = "bantam.disk=" + testGUID.String()
		}, "sdb", ""},
		// Open gave it a GUID of its own and then could not mount its volume in time.
		"one that has got a GUID of its own since": {func(t *testing.T, o *Options) {
			path := showMedium(t, *o, "sda", ownOf("sda"), esp, testLayers)
			withOrigin(t, o, path, gpt.GUID{})
			overwrite(t, path, originSector*512, gpt.Origin{Image: testGUID, Sector: originSector, Disk: ownOf("sda")}.Archive()...)
		}, "sda", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := folders(t)
			o.Cmdline += " bantam.state=memory"
			c.prepare(t, &o)
			before := contents(t, o.dev)
			area, err := Volume{}.Layers(context.Background(), o)
			switch {
			case c.err != "":
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %+v, %v; want an error that says %q", area, err, c.err)
				}
				if errors.Is(err, ErrNoLayers) != strings.Contains(c.err, ErrNoLayers.Error()) {
					t.Errorf("%v is ErrNoLayers or not", err)
				}
			case err != nil || area != testArea(o, c.want):
				t.Errorf("got %+v, %v; want %+v", area, err, testArea(o, c.want))
			}
			for file, was := range before {
				if now := contents(t, o.dev)[file]; !bytes.Equal(now, was) {
					t.Errorf("%s was written to", file)
				}
			}
		})
	}
}

// contents are the files of a folder.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// A drive spins up, a stick is found by its controller: the medium comes when the machine looks for it already.
func TestAMediumThatComesLateIsWaitedFor(t *testing.T) {
	o := folders(t)
	o.Cmdline += " bantam.state=memory"
	o.Wait = time.Minute
	if err := os.Mkdir(o.sys, 0o755); err != nil {
		t.Fatal(err)
	}
	found := make(chan Area, 1)
	go func() {
		area, err := Volume{}.Layers(context.Background(), o)
		if err != nil {
			t.Error(err)
		}
		found <- area
	}()
	time.Sleep(2 * lookInterval) // it has looked in vain
	showMedium(t, o, "sr0", testGUID, esp, testLayers)
	if area := <-found; area != testArea(o, "sr0") {
		t.Errorf("got %+v", area)
	}
}

func TestTheSearchForLayersEndsWithItsContext(t *testing.T) {
	o := folders(t)
	o.Wait = time.Hour
	silentDisk(t, o, "sr0")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if area, err := (Volume{}).Layers(ctx, o); !errors.Is(err, errSilent) {
		t.Errorf("got %+v, %v", area, err)
	}
}

// Open has told which disk it is: no other is asked, and nothing is waited for.
func TestTheDiskOfTheVolumeIsTheOneOfTheLayers(t *testing.T) {
	o := folders(t)
	want := Area{"/dev/vda", 4096, 8192}
	if area, err := (Volume{disk: "/dev/vda", layers: &want}).Layers(context.Background(), o); err != nil || area != want {
		t.Errorf("got %+v, %v", area, err)
	}
	if _, err := (Volume{disk: "/dev/vda"}).Layers(context.Background(), o); !errors.Is(err, ErrNoLayers) || !strings.HasPrefix(err.Error(), "/dev/vda: ") {
		t.Errorf("a disk without layers: %v", err)
	}
}

// A CD is nothing to keep state on, and asking may take seconds in which nothing boots.
func TestNoStateIsLookedForOnACD(t *testing.T) {
	o := folders(t)
	silentDisk(t, o, "sr0")
	showMedium(t, o, "sr1", testGUID, esp)
	disks, unreadable, err := newSearch(o, identity{image: testGUID}, false).wait(context.Background())
	if err != nil || len(disks)+len(unreadable) > 0 {
		t.Errorf("got %+v, %q, %v", disks, unreadable, err)
	}
}
