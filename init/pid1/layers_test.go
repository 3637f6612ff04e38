package pid1

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/init/statevolume"
	"bantam/init/tree"
	"bantam/layer"
	"bantam/switcher"
)

// lying is where layers lie: one in the store, one on the medium behind 512 bytes of something else, one nowhere.
func lying(t *testing.T) (*layers, map[string]tree.Layer) {
	t.Helper()
	dir := t.TempDir()
	medium := filepath.Join(dir, "medium")
	all := map[string]tree.Layer{}
	for _, name := range []string{"stored", "carried", "nowhere", "cut", "unpacked"} {
		text := strings.Repeat(name+"\n", 100)
		all[name] = tree.Layer{Name: "package/" + name, Hex: switcher.DigestOf([]byte(text)).Hex(), Size: int64(len(text))}
	}
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, all["stored"].Hex), strings.Repeat("stored\n", 100))
	write(filepath.Join(dir, all["cut"].Hex), "cut\n")
	write(medium, strings.Repeat("x", 512)+strings.Repeat("carried\n", 100))
	memory := t.TempDir()
	write(filepath.Join(memory, all["unpacked"].Hex), strings.Repeat("unpacked\n", 100))
	l := &layers{
		store:  dir,
		memory: memory,
		area: func() (layer.Area, error) {
			return layer.Area{{SHA256: all["carried"].Hex, Length: all["carried"].Size}, {SHA256: all["cut"].Hex, Offset: 4096, Length: all["cut"].Size}}, nil
		},
		find: func() (statevolume.Area, error) {
			return statevolume.Area{Device: medium, Offset: 512, Length: 800}, nil
		},
	}
	l.tree = tree.New(tree.Options{Find: l.place})
	return l, all
}

func TestALayerLiesInTheStoreInMemoryOrOnTheMedium(t *testing.T) {
	l, all := lying(t)
	for name, want := range map[string]string{
		"stored": "", "carried": "", "unpacked": "", "nowhere": "it is neither on the boot medium nor in the store", "cut": "it ends behind the 800 bytes that the boot medium has of layers",
	} {
		err := l.tree.Verify(all[name])
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]bool{"stored": false, "carried": true, "nowhere": false} {
		if got := l.onMedium(switcher.Digest("sha256:" + all[name].Hex)); got != want {
			t.Errorf("%s on the medium: %v", name, got)
		}
	}
}

func TestLayersAreReadWhenTheKernelComplains(t *testing.T) {
	l, all := lying(t)
	l.inTree = []tree.Layer{all["stored"], all["carried"]}
	if got := l.faults(0); got != nil {
		t.Errorf("without a complaint: %q", got)
	}
	file := filepath.Join(l.store, all["stored"].Hex)
	damaged := strings.Replace(strings.Repeat("stored\n", 100), "stored", "stOred", 1)
	if err := os.WriteFile(file, []byte(damaged), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := l.faults(0); got != nil {
		t.Errorf("still without one: %q", got)
	}
	for range 2 {
		if got := l.faults(3); len(got) != 1 || !strings.Contains(got[0], "layer package/stored is damaged") {
			t.Errorf("%q", got)
		}
	}
}
