package images

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDebianSources(t *testing.T) {
	const fallback = "http://deb.debian.org/debian bookworm main\n" +
		"http://deb.debian.org/debian bookworm-updates main\n" +
		"http://deb.debian.org/debian-security bookworm-security main\n"
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string // without what every line begins with
	}{
		{"a host without sources", nil, fallback},
		{"one-line sources", map[string]string{"sources.list": `
# a comment
deb http://ftp.de.debian.org/debian/ bookworm main contrib # the mirror
deb-src http://ftp.de.debian.org/debian/ bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/pub/deb bookworm-security main
`}, "http://ftp.de.debian.org/debian/ bookworm main contrib\nhttp://mirror.example/pub/deb bookworm-security main\n"},
		{"deb822 sources", map[string]string{"sources.list.d/debian.sources": `Types: deb deb-src
URIs: http://a.example/debian http://b.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

# off
Types: deb
Enabled: no
URIs: http://c.example/debian
Suites: bookworm
Components: main
`}, "http://a.example/debian bookworm main\nhttp://a.example/debian bookworm-updates main\n" +
			"http://b.example/debian bookworm main\nhttp://b.example/debian bookworm-updates main\n"},
		{"mirrors listed in files, as in Debian's cloud images", map[string]string{"sources.list.d/debian.sources": `Types: deb deb-src
URIs: mirror+file:///etc/apt/mirrors/debian.list
Suites: bookworm bookworm-updates bookworm-backports
Components: main

Types: deb deb-src
URIs: mirror+file:///etc/apt/mirrors/debian-security.list
Suites: bookworm-security
Components: main
`}, "mirror+file:///etc/apt/mirrors/debian.list bookworm main\nmirror+file:///etc/apt/mirrors/debian.list bookworm-updates main\n" +
			"mirror+file:///etc/apt/mirrors/debian-security.list bookworm-security main\n"},
		{"other people's archives are left out", map[string]string{
			"sources.list":                  "deb http://deb.debian.org/debian bookworm main\n",
			"sources.list.d/docker.list":    "deb [signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/debian bookworm stable\n",
			"sources.list.d/old.list":       "deb https://download.docker.com/linux/debian bookworm stable\n",
			"sources.list.d/node.sources":   "Types: deb\nURIs: https://deb.nodesource.com/node_20.x\nSuites: bookworm\nComponents: main\nSigned-By: /usr/share/keyrings/nodesource.gpg\n",
			"sources.list.d/inline.sources": "Types: deb\nURIs: https://x.example/debian\nSuites: bookworm\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n",
			"sources.list.d/off.list.save":  "deb http://z.example/debian bookworm main\n",
		}, "http://deb.debian.org/debian bookworm main\n"},
		{"a host of another release", map[string]string{"sources.list": "deb http://ftp.example/debian trixie main\n"}, fallback},
		{"a host that has only the updates", map[string]string{"sources.list": "deb http://ftp.example/debian bookworm-updates main\n"}, fallback},
		{"a CD is no mirror", map[string]string{"sources.list": "deb cdrom:[Debian 12]/ bookworm main\n"}, fallback},
		{"nonsense is skipped", map[string]string{"sources.list": "deb\ndeb [\ndebx http://x.example/debian bookworm main\ndeb http://x\n", "sources.list.d/x.sources": "no colon here\n\n\n: x\n"}, fallback},
	} {
		t.Run(test.name, func(t *testing.T) {
			etc := t.TempDir()
			for name, text := range test.files {
				path := filepath.Join(etc, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			text, err := debianSources(etc, "bookworm", "", false, true)
			if err != nil {
				t.Fatal(err)
			}
			alone, err := debianSources(etc, "bookworm", "", false, false)
			if err != nil || strings.Contains(alone, "bookworm-") || strings.Count(alone, " bookworm main") != strings.Count(text, " bookworm main") {
				t.Errorf("without updates sources are\n%s%v", alone, err)
			}
			got := strings.ReplaceAll(text, "deb [signed-by="+debianKeyring+"] ", "")
			if got != test.want {
				t.Errorf("sources are\n%swant\n%s", got, test.want)
			}
		})
	}
}

// Lists of updates that do not fit what is signed are told with the way out; those of the release itself have none.
func TestOnlyBrokenUpdatesMayBeDoneWithout(t *testing.T) {
	failed := func(suite string) string {
		return "E: Failed to fetch http://deb.example/debian/dists/" + suite + "/main/binary-armhf/Packages.xz  File has unexpected size (720 != 1108). Mirror sync in progress?; "
	}
	for claim, c := range map[string]struct {
		said string
		want bool
	}{
		"updates":                 {failed("trixie-updates"), true},
		"updates and security":    {failed("trixie-updates") + failed("trixie-security"), true},
		"the release":             {failed("trixie"), false},
		"the release and updates": {failed("trixie-updates") + failed("trixie"), false},
		"nothing":                 {"E: Some index files failed to download. Mirror sync in progress?", false},
		"no network":              {"E: Failed to fetch http://deb.example/debian/dists/trixie-updates/main/binary-armhf/Packages.xz  Could not connect", false},
	} {
		if got := onlyUpdates(c.said, "trixie"); got != c.want {
			t.Errorf("%s: %v", claim, got)
		}
	}
}

func FuzzSources(f *testing.F) {
	f.Add("deb [signed-by=x] http://a/debian bookworm main\n")
	f.Add("Types: deb\nURIs: http://a/debian\n more\nSuites: x\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range append(parseOneLineSources(text), parseDeb822Sources(text)...) {
			if strings.ContainsAny(s.URI, " \t\n") {
				t.Errorf("URI %q would change the line it is written to", s.URI)
			}
			s.isDebian()
		}
	})
}
