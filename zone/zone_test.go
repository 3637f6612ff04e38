package zone

import (
	"archive/zip"
	"bytes"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite rules.txt from the zones of this Go")

// zonesOfGo are the files that Go carries, by name.
func zonesOfGo(t *testing.T) map[string][]byte {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(out)), "lib/time/zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	zones := map[string][]byte{}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(text, []byte("TZif")) && f.Name != "Factory" {
			zones[f.Name] = text
		}
	}
	return zones
}

// ruleOf is the last line of a zone's file.
func ruleOf(file []byte) string {
	lines := strings.Split(strings.TrimSuffix(string(file), "\n"), "\n")
	return lines[len(lines)-1]
}

func TestTheRulesAreThoseOfTheZonesThatGoCarries(t *testing.T) {
	zones := zonesOfGo(t)
	byRule := map[string][]string{}
	for name, file := range zones {
		rule := ruleOf(file)
		byRule[rule] = append(byRule[rule], name)
	}
	var lines []string
	for rule, names := range byRule {
		slices.Sort(names)
		lines = append(lines, rule+" "+strings.Join(names, " ")+"\n")
	}
	slices.Sort(lines)
	want := strings.Join(lines, "")
	if *update {
		if err := os.WriteFile("rules.txt", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		rules = want
	}
	if rules != want {
		t.Errorf("rules.txt is not of %s: go test ./zone -update", runtime.Version())
	}
}

// moon are the zones whose clocks follow the moon, so that no rule describes them.
var moon = []string{"Africa/Casablanca", "Africa/El_Aaiun", "Asia/Gaza", "Asia/Hebron"}

func TestEveryZoneShowsTheTimeOfTheFullData(t *testing.T) {
	for name, file := range zonesOfGo(t) {
		full, err := time.LoadLocationFromTZData(name, file)
		if err != nil {
			t.Fatal(err)
		}
		ours := Location(name)
		if ours == nil {
			t.Errorf("%s: no zone of ours", name)
			continue
		}
		if slices.Contains(moon, name) {
			continue
		}
		for at := time.Date(2027, 1, 1, 0, 30, 0, 0, time.UTC); at.Year() < 2040; at = at.Add(29 * time.Hour) {
			if got, want := at.In(ours).String(), at.In(full).String(); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
				break
			}
		}
	}
}

func TestOtherProgramsReadTheFile(t *testing.T) {
	const winter, summer = "@1800000000", "@1815000000" // in 2027
	for zone, want := range map[string][2]string{
		"Europe/Berlin":    {"2027-01-15 09:00:00 CET", "2027-07-08 00:40:00 CEST"},
		"America/St_Johns": {"2027-01-15 04:30:00 NST", "2027-07-07 20:10:00 NDT"},
		"Australia/Sydney": {"2027-01-15 19:00:00 AEDT", "2027-07-08 08:40:00 AEST"},
		"Asia/Kathmandu":   {"2027-01-15 13:45:00 +0545", "2027-07-08 04:25:00 +0545"},
	} {
		file := filepath.Join(t.TempDir(), "localtime")
		if err := os.WriteFile(file, File(Rule(zone)), 0o644); err != nil {
			t.Fatal(err)
		}
		for i, at := range []string{winter, summer} {
			cmd := exec.Command("date", "-d", at, "+%Y-%m-%d %H:%M:%S %Z")
			cmd.Env = []string{"TZ=:" + file, "LC_ALL=C"}
			out, err := cmd.Output()
			if got := strings.TrimSpace(string(out)); err != nil || got != want[i] {
				t.Errorf("%s: the C library reads %q (%v), want %q", zone, got, err, want[i])
			}
		}
	}
}

func TestRulesOfTZ(t *testing.T) {
	at := time.Date(2027, 7, 1, 12, 0, 0, 0, time.UTC)
	for tz, want := range map[string]string{
		"JST-9":                           "21:00 JST",
		"CET-1CEST,M3.5.0,M10.5.0/3":      "14:00 CEST",
		"<+0330>-3:30":                    "15:30 +0330",
		"EST5EDT,M3.2.0,M11.1.0":          "08:00 EDT",
		"Europe/Berlin":                   "14:00 CEST",
		"UTC":                             "12:00 UTC",
		"<-02>2<-01>,M3.5.0/-1,M10.5.0/0": "11:00 -01",
	} {
		where := Location(tz)
		if where == nil {
			t.Errorf("%s: nothing", tz)
			continue
		}
		if got := at.In(where).Format("15:04 MST"); got != want {
			t.Errorf("%s: got %s, want %s", tz, got, want)
		}
	}
	for _, tz := range []string{"", "Europe/Berlyn", "/etc/passwd", "XX", "ABC", "<>1", "<ABC", "ABC-", "ABC999999999999999999", "ABC1\nDEF"} {
		if where := Location(tz); where != nil {
			t.Errorf("%q is a zone", tz)
		}
	}
}

func FuzzRulesNeverPanic(f *testing.F) {
	f.Add("CET-1CEST,M3.5.0,M10.5.0/3")
	f.Fuzz(func(t *testing.T, tz string) {
		if where := Location(tz); where != nil {
			_ = time.Unix(1800000000, 0).In(where).String()
		}
	})
}
