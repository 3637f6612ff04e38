package switcher

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// importing is an import as one act, the client's part and PID 1's.
func importing(s *Switcher, m *fakeMachine) Result {
	if _, err := kitParcel(m).bring(s.disk, s); err != nil {
		return Result{Exit: ExitRefused, Reason: err.Error()}
	}
	return Result{}
}

// breakOff leaves an inbox that has one blob, and a part of another.
func breakOff(t *testing.T, s *Switcher, m *fakeMachine) {
	t.Helper()
	p := kitParcel(m)
	p.cut = len(kitText)
	if _, err := p.bring(s.disk, s); !errors.Is(err, errLine) {
		t.Fatal(err)
	}
	if s.inbox().size() <= int64(len(kitText)) {
		t.Fatal("too little is left")
	}
}

// importsAfterAll imports again, and looks whether all is there and nothing else.
func importsAfterAll(t *testing.T, op string, s *Switcher, m *fakeMachine) {
	t.Helper()
	p := kitParcel(m)
	number := p.must(t, s)
	if r := s.Switch(t.Context(), Request{Verb: VerbTest, Generation: number}, nil); r.Exit != ExitGood || m.text != kitText {
		t.Fatalf("cut at %q: %s", op, r.Text())
	}
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
	if err := s.Clean(); err != nil {
		t.Fatalf("cut at %q: %v", op, err)
	}
	named := []string{DigestOf(emptyConfig).Hex()}
	for _, e := range s.recordNow().Entries {
		g, err := s.store.Generation(e.Digest)
		if err != nil {
			t.Fatalf("cut at %q: %v", op, err)
		}
		_, config := g.Config()
		named = append(named, e.Digest.Hex(), config.Digest.Hex())
		for _, d := range g.Blobs() {
			named = append(named, d.Digest.Hex())
		}
	}
	for _, path := range []string{s.store.blobDir(), s.inbox().blobDir()} {
		names, err := s.disk.List(path)
		if err != nil {
			t.Fatalf("cut at %q: %v", op, err)
		}
		for _, name := range names {
			if path != s.store.blobDir() || !slices.Contains(named, name) {
				t.Fatalf("cut at %q: left over %s", op, filepath.Join(path, name))
			}
		}
	}
}

// A volume that fills up while an import loads refuses the import, and neither a switch to what is there nor the way back.
func TestAVolumeThatAnImportFillsKeepsNobodyFromGoingBack(t *testing.T) {
	d, m := newPowerDisk(), newFakeMachine()
	s, err := open(d, machineOptions("/state", m))
	if err != nil {
		t.Fatal(err)
	}
	wantExit(t, boot(s, m), ExitGood)
	toWeb(t, s, m)
	d.fault = func(op string) error {
		if strings.Contains(op, "/import/") && strings.HasPrefix(op, "write") || strings.HasPrefix(op, "write") && d.find("/state/"+reserveName) != nil {
			return errFull
		}
		return nil
	}
	s.disk = fullDisk{d}
	if _, err := kitParcel(m).bring(d, s); err == nil || !strings.Contains(err.Error(), "`bantam gc` make room") {
		t.Errorf("before the first byte: %v", err)
	}
	s.disk = d
	if _, err := kitParcel(m).bring(d, s); !errors.Is(err, errFull) {
		t.Errorf("in the middle: %v", err)
	}
	s.disk = fullDisk{d}
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
}
