package switcher

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func digestN(n byte) Digest { return DigestOf([]byte{n}) }

func someRecord() Record {
	return Record{
		Sequence: 9, Next: 6, Default: 3, Previous: 2,
		Entries: []Entry{
			{Number: 1, Digest: digestN(1), State: StateGood}, {Number: 2, Digest: digestN(2), State: StateGood},
			{Number: 3, Digest: digestN(3), State: StateGood}, {Number: 4, Digest: digestN(4), State: StateUntried},
			{Number: 5, Digest: digestN(5), State: StateBad, Reason: "service web: exit status 1"},
		},
	}
}

func TestChoice(t *testing.T) {
	unusable := func(numbers ...int) map[int]bool {
		m := map[int]bool{}
		for _, n := range numbers {
			m[n] = true
		}
		return m
	}
	interrupted := Journal{Verb: VerbSwitch, From: 3, To: 4, Step: 2, Total: 5, StepText: "stop service web"}
	for _, c := range []struct {
		name    string
		change  func(*Record)
		journal Journal
		broken  map[int]bool
		want    int
		tried   bool
		notes   string // joined by "; "
	}{
		{"the default", nil, Journal{}, nil, 3, false, ""},
		{"one that is being tried", func(r *Record) { r.Trying = &Trying{Generation: 4, Left: 1} }, Journal{}, nil, 4, true, ""},
		{"the default once the tries are used up", func(r *Record) { r.Trying = &Trying{Generation: 4} }, Journal{}, nil, 3, false,
			"generation 4: its tries are used up"},
		{"the default if what is tried cannot run", func(r *Record) { r.Trying = &Trying{Generation: 4, Left: 2} }, Journal{}, unusable(4), 3, false,
			"generation 4 cannot run: blob is missing"},
		{"the default if what is tried is not known", func(r *Record) { r.Trying = &Trying{Generation: 8, Left: 2} }, Journal{}, nil, 3, false,
			"generation 8: was to be tried and is not in the boot record"},
		{"the one before if the default cannot run", nil, Journal{}, unusable(3), 2, false, "generation 3 cannot run: blob is missing"},
		{"another good one if neither can", func(r *Record) { r.Entries[0].State, r.Entries[1].State = StateGood, StateBad }, Journal{}, unusable(3), 1, false,
			"generation 3 cannot run: blob is missing"},
		{"the image's if no good one can run", func(r *Record) { r.Entries[0].State = StateBad }, Journal{}, unusable(2, 3), 1, false,
			"generation 3 cannot run: blob is missing; generation 2 cannot run: blob is missing"},
		{"the image's if there is nothing", func(r *Record) { *r = Record{Next: 1} }, Journal{}, nil, 0, false, ""},
		{"the default after an interrupted switch", nil, interrupted, nil, 3, false,
			"the switch to generation 4 was interrupted at step 2 of 5 (stop service web)"},
		{"the new default if the interruption came after the commit", nil, Journal{Verb: VerbSwitch, From: 2, To: 3, Step: 1, Total: 1}, nil, 3, false, ""},
	} {
		r := someRecord()
		if c.change != nil {
			c.change(&r)
		}
		got := Choose(r, c.journal, BootCount{}, digestN(1), func(e Entry) error {
			if c.broken[e.Number] {
				return ErrBlobMissing
			}
			return nil
		})
		if got.Generation != c.want || got.Tried != c.tried || strings.Join(got.Notes, "; ") != c.notes {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestRecordIsReadBackAndRefusesContradictions(t *testing.T) {
	r := someRecord()
	data, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parseRecord(data); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%+v %v", got, err)
	}
	golden(t, "record", string(data))
	for name, change := range map[string]func(*Record){
		"an unproven default":    func(r *Record) { r.Default = 4 },
		"a default that is gone": func(r *Record) { r.Default = 7 },
		"numbers out of order":   func(r *Record) { r.Entries[0].Number = 3 },
		"a number to come":       func(r *Record) { r.Next = 5 },
		"a bad digest":           func(r *Record) { r.Entries[0].Digest = "x" },
	} {
		bad := someRecord()
		change(&bad)
		data, err := bad.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseRecord(data); err == nil {
			t.Errorf("%s is taken", name)
		}
		d := newPowerDisk()
		if _, err := (recordFile{d, "/state"}).write(bad); err == nil || d.find("/state/record") != nil {
			t.Errorf("%s is written", name)
		}
	}
}

func TestATrialRemembersTheNetworkByFamily(t *testing.T) {
	n := NetworkState{Online: true, IPv4: Family{true, true}, IPv6: Family{Addressed: true}}
	for _, c := range []struct {
		name   string
		trying string
		want   NetworkState
		routed bool
	}{
		{"what is written now", string(must(json.Marshal(tried(2, n)))), n, false},
		{"what older Bantams wrote", `{"generation":2,"left":1,"online":true,"routed":true}`, NetworkState{Online: true}, true},
		{"what they wrote of a machine without a gateway", `{"generation":2,"left":1,"online":true,"routed":false}`, NetworkState{Online: true}, false},
	} {
		var trying Trying
		if err := json.Unmarshal([]byte(c.trying), &trying); err != nil {
			t.Fatal(err)
		}
		if got, routed := trying.network(); !reflect.DeepEqual(got, c.want) || routed != c.routed {
			t.Errorf("%s: %+v, %v, want %+v, %v", c.name, got, routed, c.want, c.routed)
		}
	}
	var old struct{ Routed bool } // as an older Bantam reads it
	if err := json.Unmarshal(must(json.Marshal(tried(2, n))), &old); err != nil || !old.Routed {
		t.Errorf("an older Bantam would ask for no default route: %v", err)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func TestNewerCopyOfTheRecordWins(t *testing.T) {
	d := newPowerDisk()
	f := recordFile{d, "/state"}
	old, young := someRecord(), someRecord()
	old.Sequence, young.Sequence, young.Default = 3, 4, 2
	for _, order := range [][2]Record{{old, young}, {young, old}} {
		for i, name := range []string{recordName, recordCopyName} {
			data, _ := order[i].encode()
			d.put("/state/"+name, data)
		}
		if got, notes := f.read(); got.Default != 2 || len(notes) > 0 {
			t.Errorf("%+v %q", got, notes)
		}
	}
}

func TestRecordIsCommittedByItsFirstCopy(t *testing.T) {
	d := newPowerDisk()
	renames := 0
	d.fault = func(op string) error {
		if strings.HasPrefix(op, "rename") {
			if renames++; renames == 2 {
				return errFull
			}
		}
		return nil
	}
	note, err := recordFile{d, "/state"}.write(someRecord())
	if err != nil || !strings.Contains(note, "second copy") {
		t.Errorf("%q %v", note, err)
	}
	if got, _ := (recordFile{d, "/state"}).read(); got.Default != 3 {
		t.Errorf("%+v", got)
	}
}

func FuzzParseRecord(f *testing.F) {
	data, _ := someRecord().encode()
	f.Add(data)
	f.Add([]byte(recordMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		parseRecord(data)
		body := Record{}
		if json.Unmarshal(data, &body) != nil {
			return
		}
		// What is whole and consistent survives, whatever is in it.
		whole, err := body.encode()
		if err != nil {
			return
		}
		if got, err := parseRecord(whole); err == nil {
			if again, err := got.encode(); err != nil || string(again) != string(whole) {
				t.Errorf("%s\n%s", again, whole)
			}
			Choose(got, Journal{}, BootCount{digestN(1), 3}, digestN(1), func(Entry) error { return errors.New("no") })
		}
	})
}

func journalText(t testing.TB, lines ...journalLine) []byte {
	var all []byte
	for _, l := range lines {
		data, err := l.encode()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	return all
}

func TestJournalReading(t *testing.T) {
	begin := journalLine{Event: journalBegin, Verb: VerbSwitch, From: 2, To: 3, Total: 4}
	step := journalLine{Event: journalStep, Step: 1, Total: 4, Text: "stop service web"}
	whole := journalText(t, begin, step, journalLine{Event: journalProven}, journalLine{Event: journalCommitted}, journalLine{Event: journalEnd})
	j := parseJournal(whole)
	if j.Unfinished() || !j.Committed || j.Step != 1 || j.To != 3 || j.Damaged != "" {
		t.Errorf("%+v", j)
	}
	golden(t, "journal", string(whole))
	for n := range whole {
		j := parseJournal(whole[:n])
		if j.Damaged != "" || j.Ended {
			t.Errorf("torn after %d bytes: %+v", n, j)
		}
		if n > len(journalText(t, begin)) && !j.Unfinished() {
			t.Errorf("torn after %d bytes: it never began", n)
		}
	}
	for n := range whole[:len(journalText(t, begin, step))] {
		flipped := append([]byte(nil), whole...)
		flipped[n] ^= 4
		if j := parseJournal(flipped); j.Damaged == "" || j.Ended {
			t.Errorf("bit flipped in byte %d: %+v", n, j)
		}
	}
}

func FuzzParseJournal(f *testing.F) {
	f.Add(journalText(f, journalLine{Event: journalBegin, Verb: VerbTest, To: 1}, journalLine{Event: journalEnd}))
	f.Add([]byte("00000000 {}\n\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		j := parseJournal(data)
		if j.Ended && j.Unfinished() {
			t.Errorf("%+v", j)
		}
	})
}

func TestATestOfAKnownGenerationLeavesTheBootRecordAlone(t *testing.T) {
	s, _, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	wantExit(t, switchTo(t, s, VerbTest, dbText), ExitGood) // new: it gets its entry, and nothing else
	record := s.recordNow()
	if e := record.entry(3); e == nil || e.State != StateUntried || record.Default != 2 || record.Previous != 1 || record.Trying != nil {
		t.Errorf("record %+v", record)
	}
	before, err := os.ReadFile(filepath.Join(dir, recordName))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{imageText, webText, dbText, webText} {
		wantExit(t, switchTo(t, s, VerbTest, text), ExitGood)
	}
	if after, err := os.ReadFile(filepath.Join(dir, recordName)); err != nil || string(after) != string(before) {
		t.Errorf("the record was written: %v\n%s\nthen\n%s", err, before, after)
	}
}
