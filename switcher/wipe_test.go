package switcher

import (
	"strings"
	"testing"

	"bantam/system"
)

func TestWhatAWipeLeaves(t *testing.T) {
	w := Wipe{stay: append([]string{"secrets/vpn", "services/var:lib:web"}, wipeStays...)}
	for path, want := range map[string][2]bool{
		"store": {true, false}, "store/blobs": {true, false}, "record": {true, false}, "record.copy": {true, false}, "wipe": {true, false},
		"ssh-host-key": {}, "draft": {}, "import": {}, "recording": {}, "secrets": {false, true}, "secrets/vpn": {true, false}, "secrets/vpn2": {},
		"services": {false, true}, "services/var:lib:web": {true, false}, "services/var:lib:web/x": {true, false}, "services/var:lib": {},
	} {
		if stays, below := w.Stays(path); stays != want[0] || below != want[1] {
			t.Errorf("%s: %v, %v, want %v", path, stays, below, want)
		}
	}
}

func TestWhatNeedsASecretCannotBeginWithNothing(t *testing.T) {
	sys, problems := system.Parse("system.toml", []byte("[service.vpn]\ncommand = [\"vpn\"]\nenv = { KEY = { secret = \"vpn\" } }\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	to := target{system: sys}
	for _, c := range []struct {
		r     Request
		words string
	}{
		{Request{Verb: VerbSwitch, Wipe: true}, "it wants a reboot"},
		{Request{Verb: VerbSwitch}, ""},
		{Request{Verb: VerbBoot, Wipe: true}, "needs secret vpn, which would be thrown away: --keep /state/secrets keeps them"},
		{Request{Verb: VerbBoot, Wipe: true, Keep: []string{"secrets/web"}}, "needs secret vpn"},
		{Request{Verb: VerbBoot, Wipe: true, Keep: []string{"secrets/vpn"}}, ""},
		{Request{Verb: VerbSwitch, Reboot: true, Wipe: true, Keep: []string{"secrets"}}, ""},
	} {
		err := checkWipe(c.r, to)
		if c.words == "" && err != nil || c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words)) {
			t.Errorf("%+v: %v", c.r, err)
		}
	}
}

// Where the firmware has been replaced, no generation has a kernel any more: they go, too, at the next boot, and at the one behind it if that is broken off.
func TestTheNextBootThrowsAwayAllButWhatIsToBeKept(t *testing.T) {
	d := newSlotDevice()
	d.mustStart(t)
	if err := orderNext(d.disk, "/state", []string{"secrets/vpn"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		due, err := dueWipe(d.disk, "/state", Generation{})
		if err != nil || due == nil || !due.All {
			t.Fatalf("%+v, %v", due, err)
		}
		for path, want := range map[string]bool{"store": false, recordName: false, recordCopyName: false, journalName: false, "secrets/web": false, "secrets/vpn": true, wipeName: true, "clock": true} {
			if stays, _ := due.Stays(path); stays != want {
				t.Errorf("%s stays: %v, want %v", path, stays, want)
			}
		}
	}
	if err := takeBackWipe(d.disk, "/state"); err != nil || d.has(wipeName) {
		t.Errorf("taken back: %v", err)
	}
	if due, err := dueWipe(d.disk, "/state", Generation{}); due != nil || err != nil {
		t.Errorf("after it was taken back: %+v, %v", due, err)
	}
	other := []byte(`{"generation":"sha256:12"}`)
	d.disk.put("/state/"+wipeName, other)
	if err := takeBackWipe(d.disk, "/state"); err != nil || !d.has(wipeName) {
		t.Errorf("a switch's order: %v, still there: %v", err, d.has(wipeName))
	}
}

// What is damaged orders nothing, and is not asked about again.
func TestADamagedOrderWipesNothing(t *testing.T) {
	d := newSlotDevice()
	d.mustStart(t)
	for _, text := range []string{"{", "{}"} {
		d.disk.put("/state/"+wipeName, []byte(text))
		due, err := dueWipe(d.disk, "/state", d.s.image.generation)
		if due != nil || (err == nil) != (text == "{}") || d.has(wipeName) {
			t.Errorf("%s: %v, %v, still there: %v", text, due, err, d.has(wipeName))
		}
	}
}
