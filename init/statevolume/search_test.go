package statevolume

import (
	"bytes"
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"bantam/gpt"
)

// Each way in which a disk may answer before it is ready, and what it needs to become ready.
func TestADiskThatFirstAnswersWithAnErrorIsAskedAgain(t *testing.T) {
	for name, early := range map[string]func(t *testing.T, o Options, path string){
		"its node is not there": func(t *testing.T, o Options, path string) {},
		"no such device": func(t *testing.T, o Options, path string) { // so is a socket opened
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		},
		"nothing can be read": func(t *testing.T, o Options, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"it ends too early": func(t *testing.T, o Options, path string) {
			if err := os.WriteFile(path, make([]byte, 700), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"it has no table yet": func(t *testing.T, o Options, path string) {
			if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"it has no medium yet": func(t *testing.T, o Options, path string) { o.show(t, "sda", map[string]uint64{"size": 0}) },
		"another medium is in it": func(t *testing.T, o Options, path string) {
			other := gpt.Table{Disk: gpt.DeriveGUID("somebody", "else"), Sectors: 4096}
			if err := os.WriteFile(path, append(make([]byte, 512), other.Primary()...), 0o600); err != nil {
				t.Fatal(err)
			}
			o.show(t, "sda", map[string]uint64{"size": 4096})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := folders(t)
			o.Wait = time.Minute
			ready := ourDisk(t, o, "ready")
			if err := os.RemoveAll(o.sys + "/ready"); err != nil {
				t.Fatal(err)
			}
			path := o.dev + "/sda"
			o.show(t, "sda", map[string]uint64{"size": diskSectors, "queue/logical_block_size": 512})
			early(t, o, path)
			s := newSearch(o, identity{image: testGUID}, false)
			defer close(s.left)
			answered := func() {
				for s.anySilent() {
					s.take(<-s.answers, time.Now())
				}
			}
			if err := s.look(time.Now()); err != nil {
				t.Fatal(err)
			}
			if answered(); len(s.ours()) > 0 {
				t.Fatal("found before it was there")
			}
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(ready, path); err != nil {
				t.Fatal(err)
			}
			o.show(t, "sda", map[string]uint64{"size": diskSectors})
			if err := s.look(time.Now().Add(longestPause)); err != nil {
				t.Fatal(err)
			}
			if answered(); len(s.ours()) != 1 || len(s.unreadable()) > 0 {
				t.Errorf("got %+v, unreadable %q; want sda", s.ours(), s.unreadable())
			}
			ours, _, err := newSearch(o, identity{image: testGUID}, false).wait(context.Background())
			if err != nil || len(ours) != 1 {
				t.Errorf("in a search of its own: %+v, %v", ours, err)
			}
		})
	}
}

func TestADiskThatFailsIsNotAskedAllTheTime(t *testing.T) {
	o := folders(t)
	o.show(t, "sda", map[string]uint64{"size": diskSectors})
	// in 100 s of a search
	asked := func(s *search) (n int) {
		now := time.Now()
		for range 1000 {
			if err := s.look(now); err != nil {
				t.Fatal(err)
			}
			if s.anySilent() {
				n++
				s.take(<-s.answers, now)
			}
			now = now.Add(lookInterval)
		}
		return n
	}
	s := newSearch(o, identity{image: testGUID}, false)
	defer close(s.left)
	if n := asked(s); n < 40 || n > 60 {
		t.Errorf("during the boot it was asked %d times, want about one in %v", n, longestPause)
	}
	late := newSearch(o, identity{image: testGUID}, true)
	defer close(late.left)
	if n := asked(late); n < 5 || n > 12 {
		t.Errorf("after the boot it was asked %d times, want ever less", n)
	}
	if err := os.WriteFile(o.dev+"/sda", make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	asleep := newSearch(o, identity{image: testGUID}, true)
	defer close(asleep.left)
	if n := asked(asleep); n > 1 {
		t.Errorf("somebody else's disk was woken %d times", n)
	}
	if got := s.unreadable(); len(got) != 1 || !strings.HasPrefix(got[0], "sda: open ") {
		t.Errorf("got %q, want why sda cannot be read", got)
	}
}

func TestADiskThatComesTooLateIsToldAndLeftAlone(t *testing.T) {
	o := folders(t)
	o.Wait = time.Millisecond
	if err := os.MkdirAll(o.sys, 0o755); err != nil {
		t.Fatal(err)
	}
	v, err := open(context.Background(), o, o.Dir)
	if err == nil || !v.Awaited {
		t.Fatalf("got %+v, %v; want an awaited disk", v, err)
	}
	path := ourDisk(t, o, "sda")
	damaged, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer damaged.Close()
	if _, err := damaged.WriteAt([]byte{1}, 512+16); err != nil { // the next boot will repair it
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	told := ""
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	v.Watch(ctx, o, func(text string) { told += text })
	if want := "sda, the disk of this machine, came too late for this boot"; !strings.HasPrefix(told, want) {
		t.Errorf("got %q, want %q", told, want)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("it was written to, %v", err)
	}
	v.Awaited, told = false, ""
	v.Watch(ctx, o, func(text string) { told += text })
	if told != "" {
		t.Errorf("a disk that nobody waits for: got %q", told)
	}
}

func TestASecondDiskThatComesLateIsTold(t *testing.T) {
	fresh, own := gpt.GUID{}, gpt.DeriveGUID("vda", "disk")
	for name, c := range map[string]struct {
		used, other gpt.GUID // the machine was started from one like other
		volume      Volume
		told        string
	}{
		"neither was started before": { // the disk in use has its own GUID now: this is its first boot
			used: own, other: fresh, volume: Volume{first: true},
			told: "sda carries the same image as vda, and neither was started before; if this machine was started from sda, unplug vda and start it again"},
		"a copy of the disk in use": {used: own, other: own,
			told: "2 disks carry this image; vda is used, not sda; nothing tells which one the machine was started from, so unplug what should not be used"},
		"of which Open has told": {used: own, other: own, volume: Volume{several: true}},
	} {
		t.Run(name, func(t *testing.T) {
			o := folders(t)
			withOrigin(t, &o, ourDisk(t, o, "vda"), c.used)
			withOrigin(t, &o, ourDisk(t, o, "sda"), c.other)
			v := c.volume
			v.Kind, v.disk = OnDisk, "/dev/vda"
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			told := ""
			v.Watch(ctx, o, func(text string) { told += text })
			if told != c.told {
				t.Errorf("got %q, want %q", told, c.told)
			}
		})
	}
}

func TestOnlyTheDiskThatTheMachineWasStartedFromIsRepaired(t *testing.T) {
	o := folders(t)
	head := func(path string, damage bool) []byte {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if damage {
			if _, err := f.WriteAt([]byte{1}, 512+16); err != nil {
				t.Fatal(err)
			}
		}
		b := make([]byte, 34*512)
		if _, err := f.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
		return b
	}
	other, ours := ourDisk(t, o, "sda"), ourDisk(t, o, "sdb")
	withOrigin(t, &o, other, gpt.DeriveGUID("other", "disk"))
	withOrigin(t, &o, ours, gpt.DeriveGUID("ours", "disk"))
	intact := head(ours, false)
	damaged := head(other, true)
	head(ours, true)
	f, err := gather(context.Background(), o)
	if err != nil || len(f.Disks) != 2 {
		t.Fatalf("got %d disks, %v", len(f.Disks), err)
	}
	if a := Decide(f); a.Verb != Mount || a.Disk.Name != "sdb" {
		t.Errorf("got %v on %q: %s", a.Verb, a.Disk.Name, a.Reason)
	}
	if !bytes.Equal(head(ours, false), intact) || !bytes.Equal(head(other, false), damaged) {
		t.Error("its table was not repaired, or that of the other disk was")
	}
}
