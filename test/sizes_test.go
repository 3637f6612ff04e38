package test

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"bantam/images"
)

var update = flag.Bool("update", false, "write the sizes of what is built into the documents")

// near is how far a documented size may lie from the one that is built.
const near = 0.1

// documented compares the bytes of an image with those that docs/size.md has in the row of that name, where it has one.
func documented(t *testing.T, name string, bytes int64) {
	t.Helper()
	row := regexp.MustCompile(`\| ` + regexp.QuoteMeta(name) + ` \| ([0-9,]+) `).FindStringSubmatch(string(read(t, "../docs/size.md")))
	if row == nil {
		return
	}
	says, err := strconv.ParseFloat(strings.ReplaceAll(row[1], ",", ""), 64)
	if err != nil || math.Abs(says-float64(bytes)) > near*float64(bytes) {
		t.Errorf("docs/size.md says %s of %s, which has %d bytes", row[1], name, bytes)
	}
}

// Sizes in the documents are those of what is built now: 8.2 MB within its last digit, 8,247,232 within a tenth. -update writes the table anew; prose is for people to mend.
func TestDocumentedSizes(t *testing.T) {
	out := t.TempDir()
	said, err := exec.Command(bantam, "build", "--json", "--out", out, "--lock", filepath.Join(out, "lock"), "../examples/pc/system.toml").Output()
	if err != nil {
		t.Fatalf("bantam build: %v", err)
	}
	var built struct{ Images []images.Sizes }
	if err := json.Unmarshal(said, &built); err != nil || len(built.Images) == 0 {
		t.Fatalf("bantam build --json: %v: %s", err, said)
	}
	size := map[string]int64{"total": built.Images[0].Total}
	for _, part := range built.Images[0].Parts {
		size[part.Name] = part.Size
	}
	device, err := os.Stat(filepath.Join(filepath.Dir(bantam), "device/amd64/bantam"))
	if err != nil {
		t.Fatal(err)
	}
	size["device"] = device.Size()
	for _, c := range []struct{ file, before, part string }{
		{"../README.md", `bootable image of `, "total"},
		{"../README.md", `\*\*Small\.\*\* `, "total"},
		{"../README.md", `of which `, "kernel"},
		{"../docs/size.md", `for as long as the machine runs: `, "device"},
	} {
		text := string(read(t, c.file))
		found := regexp.MustCompile(c.before + `([0-9]+)(\.[0-9]+)? MB`).FindStringSubmatch(text)
		if found == nil {
			t.Errorf("%s has no size behind %q", c.file, c.before)
			continue
		}
		unit := math.Pow10(6 - max(0, len(found[2])-1)) // of the last digit, in bytes
		documented, err := strconv.ParseFloat(found[1]+found[2], 64)
		if built := float64(size[c.part]); err != nil || math.Abs(documented*1e6-built) >= unit {
			t.Errorf("%s: %s, %s takes %.2f MB", c.file, found[0], c.part, built/1e6)
		}
	}
	delete(size, "device") // it is not in the table
	const table = "../docs/build.md"
	text := string(read(t, table))
	head := regexp.MustCompile(`(?m)^    generation [0-9a-f]{12}\n(      .+\n)+`).FindString(text)
	stale := false
	for line := range strings.Lines(head) {
		if !strings.HasPrefix(line, "      ") {
			continue // the digest, which is another one each time
		}
		words := strings.Fields(line)
		if want := size[words[0]]; want != 0 {
			got, err := strconv.ParseInt(strings.ReplaceAll(words[1], ",", ""), 10, 64)
			if far := float64(got)/float64(want) - 1; err != nil || far > near || far < -near {
				t.Logf("%s: %s, built are %s", table, strings.TrimSpace(line), images.Commas(want))
				stale = true
			}
			delete(size, words[0])
		}
	}
	if len(size) > 0 {
		t.Errorf("%s: the table lacks %v", table, size)
	}
	if stale && !*update {
		t.Errorf("%s: the table of sizes is stale; go test ./test -run TestDocumentedSizes -update", table)
	}
	if *update {
		var b strings.Builder
		images.PrintSizes(&b, built.Images)
		id, _, _ := strings.Cut(strings.TrimPrefix(head, "    "), "\n")
		fresh := "    " + id + "\n" + regexp.MustCompile(`(?m)^`).ReplaceAllString(strings.TrimSuffix(b.String(), "\n"), "    ") + "\n"
		fresh = strings.ReplaceAll(fresh, filepath.Clean(out)+"/", "out/")
		if err := os.WriteFile(table, []byte(strings.Replace(text, head, fresh, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
