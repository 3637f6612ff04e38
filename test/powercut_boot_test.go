package test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bantam/switcher"
	"bantam/test/powercut"
	"bantam/test/vm"
)

// disk makes the disk that l is.
func (s *survey) disk(t *testing.T, l left) string {
	t.Helper()
	data := powercut.After(bytes.Clone(s.life.image), s.life.events[:l.Event])
	if l.Torn > 0 {
		torn := s.life.events[l.Event]
		torn.Data = torn.Data[:l.Torn]
		data = powercut.After(data, []powercut.Event{torn})
	}
	path := filepath.Join(fastDir(t), "disk")
	if err := powercut.WriteSparse(path, data); err != nil {
		t.Fatal(err)
	}
	return path
}

// bootSteps boots a machine for every content that journal and boot record had
// during the switch.
func (s *survey) bootSteps(t *testing.T) {
	a := s.life.acts[0]
	seen, events := map[string]bool{}, map[string]bool{}
	for _, l := range s.lefts {
		if l.Event < a.began || l.Event > a.ended || l.How != powercut.Written || seen[l.volume.Step] {
			continue
		}
		seen[l.volume.Step] = true
		moment := "not begun"
		if l.volume.Reached("begin", a.new) {
			moment = l.volume.Journal[len(l.volume.Journal)-1].Event
		}
		events[moment] = true
		t.Run(fmt.Sprintf("event %d %s runs %d", l.Event, moment, l.volume.Generation), func(t *testing.T) {
			c := &console{Machine: vm.Start(t, pc(t, bios, "-drive", virtio(s.disk(t, l)))...), t: t, host: "(bantam|gate)"}
			c.booted()
			c.settled()
			name := map[int]string{1: "bantam", 2: "gate"}[l.volume.Generation]
			if got := strings.TrimSpace(c.run("hostname")); got != name {
				t.Errorf("the machine is %q, and generation %d is the one to run", got, l.volume.Generation)
			}
			c.host = name
			s.whole(c, l.volume)
			c.Send("bantam switch\r") // the same once more
			c.Expect(`generation 2 runs and is the default|generation 2 runs already`)
			c.host = "gate"
			c.prompt()
			s.whole(c, &volume{Outcome: powercut.Outcome{Generation: 2, States: map[int]switcher.State{1: "good", 2: "good"}}})
		})
	}
	for _, event := range []string{"not begun", "begin", "step", "proven", "committed", "end"} {
		if !events[event] {
			t.Errorf("no machine was booted whose switch was at %q", event)
		}
	}
	t.Logf("%d machines booted", len(seen))
}

// whole checks that the machine runs the generation as a whole, and that its list of generations says what v says.
func (s *survey) whole(c *console, v *volume) {
	c.t.Helper()
	has, hasNot := "heartbeat", "web"
	if v.Generation == 2 {
		has, hasNot = hasNot, has
	}
	if services := c.must("bantam service list", has); strings.Contains(services, hasNot) {
		c.t.Errorf("generation %d runs, and with it the service %s:\n%s", v.Generation, hasNot, services)
	}
	// Named after the process, which on another machine may be somebody else's: so this cannot be seen without a real start.
	if files := c.run("find /state"); strings.Contains(files, ".unfinished") || !strings.Contains(files, "index.json") {
		c.t.Errorf("left over:\n%s", files)
	}
	list := c.run("bantam generations")
	for number, state := range v.States {
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^%d +%s .*$`, number, state)).FindString(list)
		runs := strings.Contains(row, "running") && strings.Contains(row, "default")
		if row == "" || runs != (number == v.Generation) {
			c.t.Errorf("generation %d should be %s, and %d run as the default:\n%s", number, state, v.Generation, list)
		}
	}
}

// bootFirst boots machines whose power went while the state volume was made.
func (s *survey) bootFirst(t *testing.T) {
	for _, moment := range []struct {
		name     string
		firmware firmware
		is       func(left) bool
	}{
		{"the file system half written", bios, func(l left) bool { return l.table == "old" && !l.volume.there }},
		{"the file system without a partition", bios, func(l left) bool { return l.table == "old" && l.volume.there }},
		{"the first partition table torn", uefi, func(l left) bool { return l.table == "new, from the backup" }},
		{"the volume without a generation", bios, func(l left) bool { return l.table == "new" && len(l.volume.Journal) == 0 }},
	} {
		t.Run(moment.name, func(t *testing.T) {
			var all []left
			for _, l := range s.lefts {
				if l.Event <= s.life.up && l.How == powercut.Written && moment.is(l) {
					all = append(all, l)
				}
			}
			if len(all) == 0 {
				t.Fatal("there was no such moment")
			}
			l := all[len(all)/2]
			t.Logf("after event %d, one of %d disks", l.Event, len(all))
			c := start(t, pc(t, moment.firmware, "-drive", virtio(s.disk(t, l))))
			c.settled()
			status := c.must("bantam status", "generation  1, good", "/dev/vda8")
			if !regexp.MustCompile(`/dev/vda8, 4\d MiB`).MatchString(status) {
				t.Errorf("the state volume has not grown:\n%s", status)
			}
			if strings.Contains(status, "note") {
				t.Errorf("something is noted:\n%s", status)
			}
		})
	}
}

// bootTornSuperblock boots a machine whose state volume nobody can mount.
func (s *survey) bootTornSuperblock(t *testing.T) {
	all := slices.DeleteFunc(slices.Clone(s.lefts), func(l left) bool { return !l.superblock(s.life) })
	if len(all) == 0 {
		t.Fatal("there was no such moment")
	}
	path := s.disk(t, all[len(all)-1])
	before := bytesOf(t, path)
	c := start(t, pc(t, bios, "-drive", virtio(path)))
	c.settled()
	c.must("bantam status", "generation  1, good", "to be forgotten at the next boot; the state volume on", "checksum of its superblock")
	c.PowerCut()
	if !bytes.Equal(bytesOf(t, path), before) {
		t.Error("the damaged disk was written to")
	}
}
