package test

import (
	"path/filepath"
	"testing"

	"bantam/switcher"
)

// A power cut at every write to the disk from the first boot on, over saves of
// the editor, a switch, a rollback and a switch that fails: what is left is the
// old text or the new one, whole or offered by the editor, the old generation
// or the new one, whole, and a boot default that was proven. All disks are
// judged by e2fsck, debugfs and the switcher; those that differ in journal or
// boot record during the switch, and the critical ones of the first boot, are
// really booted.
func TestPowerCut(t *testing.T) {
	out := build(t, "pc", "../examples/pc/system.toml")
	l := live(t, filepath.Join(out, "pc.img"), []act{
		{name: "switch", command: "bantam switch", says: "generation 2 runs and is the default", host: "gate", old: 1, new: 2, then: 2},
		{name: "rollback", command: "bantam rollback", says: "generation 1 runs and is the default", host: "bantam", old: 2, new: 1, then: 1},
		{name: "switch that fails", command: "bantam switch /state/broken.toml", says: "generation 1 runs again", host: "bantam", old: 1, new: 3, then: 1},
	})
	l.keepsImage(t)
	g, text := imageGeneration(t, filepath.Join(out, "store"))
	s := surveyOf(t, l, g, text)
	if s.report(t); t.Failed() {
		return
	}
	t.Run("first boot", s.bootFirst)
	t.Run("edits", s.bootEdits)
	t.Run("switch", s.bootSteps)
	t.Run("torn superblock", s.bootTornSuperblock)
}

// imageGeneration reads what `bantam build` has put into the image.
func imageGeneration(t *testing.T, dir string) (switcher.Generation, string) {
	t.Helper()
	store, err := switcher.OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := store.Index()
	if err != nil || len(index) != 1 {
		t.Fatalf("%s: %v, %v", dir, index, err)
	}
	g, err := store.Generation(index[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	text, err := store.Blob(g.System.Digest)
	if err != nil {
		t.Fatal(err)
	}
	return g, string(text)
}
