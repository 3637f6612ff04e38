package oci

import (
	"strings"
	"testing"
)

func TestReferencesAreReadAsOtherToolsReadThem(t *testing.T) {
	hexa := strings.Repeat("0a", 32)
	for text, want := range map[string]string{
		"registry.example.org/router":                 "https://registry.example.org/v2/router/ registry.example.org/router:latest",
		"registry.example.org/a/b_c/d__e/f-g.h:v1.2":  "https://registry.example.org/v2/a/b_c/d__e/f-g.h/ registry.example.org/a/b_c/d__e/f-g.h:v1.2",
		"localhost/pc:A":                              "https://localhost/v2/pc/ localhost/pc:A",
		"127.0.0.1:5000/pc@sha256:" + hexa:            "https://127.0.0.1:5000/v2/pc/ 127.0.0.1:5000/pc@sha256:" + hexa,
		"[::1]:5000/pc:x@sha256:" + hexa:              "https://[::1]:5000/v2/pc/ [::1]:5000/pc@sha256:" + hexa,
		"http://nas:5000/pc":                          "http://nas:5000/v2/pc/ nas:5000/pc:latest",
		"https://registry.example.org/machines/pc:v3": "https://registry.example.org/v2/machines/pc/ registry.example.org/machines/pc:v3",
	} {
		r, err := ParseReference(text)
		if got := r.base().String() + " " + r.String(); err != nil || got != want {
			t.Errorf("%s: %v: got %s, want %s", text, err, got, want)
		}
	}
}

func TestWhatIsNoReferenceIsRefusedWithItsReason(t *testing.T) {
	for text, want := range map[string]string{
		"":                                        "no / behind a host",
		"router":                                  "no / behind a host",
		"machines/router":                         "no dot and no port",
		"registry.example.org/":                   "no repository",
		"registry.example.org/Router":             "no repository",
		"registry.example.org/a//b":               "no repository",
		"registry.example.org/a/../b":             "no repository",
		"registry.example.org/a___b":              "no repository",
		"registry.example.org/-a":                 "no repository",
		"registry.example.org/a:":                 "no tag",
		"registry.example.org/a:-b":               "no tag",
		"registry.example.org/a:b c":              "no tag",
		"registry.example.org/a@sha256:12":        "64 digits",
		"registry.example.org/a?b=c":              "no repository",
		"user:secret@registry.example.org/a":      "no port",
		"registry.example.org:0/a":                "no port",
		"registry.example.org:99999/a":            "no port",
		"registry.example.org:+5/a":               "no port",
		"[::1/a":                                  "no end",
		"[::1]5000/a":                             "no port",
		"[]/a":                                    "no IPv6 address",
		"a b.c/d":                                 "no host",
		"ftp://registry.example.org/a":            "no port",
		"r.org/" + strings.Repeat("a", 600):       "more than 512 bytes",
		"r.org/" + strings.Repeat("a", 300):       "no repository",
		"r.org/a:" + strings.Repeat("a", 129):     "no tag",
		"registry.example.org/a\r\nX-Header: yes": "no tag",
		"registry.example.org/a\r\nX":             "no repository",
	} {
		if r, err := ParseReference(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want %q", text, r, err, want)
		}
	}
}

func TestWordsThatCanOnlyMeanASource(t *testing.T) {
	for word, want := range map[string]bool{
		"-": true, "pc.tar": true, "/mnt/pc.oci.tar": true, "oci:/mnt:pc": true, "oci-archive:x:pc": true, "http://nas/pc.tar": true,
		"https://nas.lan/pc.tar?key=1": true, "registry.example.org/pc:v3": true, "http://nas:5000/pc": true,
		"": false, "pc.toml": false, "/etc/pc.toml": false, "./pc": false, "../a.b/pc": false, "12": false, "machines/router": false,
	} {
		if got := IsSource(word); got != want {
			t.Errorf("%q: got %t, want %t", word, got, want)
		}
	}
}

func FuzzReference(f *testing.F) {
	for _, seed := range []string{"registry.example.org/a/b_c:v1", "[::1]:5000/pc@sha256:" + strings.Repeat("0a", 32), "http://nas:5000/pc", "a..b/c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseReference(text)
		if err != nil {
			return
		}
		scheme := ""
		if r.HTTP {
			scheme = "http://"
		}
		again, err := ParseReference(scheme + r.String())
		if r.Digest != "" {
			again.Tag = r.Tag
		}
		if err != nil || again != r {
			t.Errorf("%q: %+v is written as %q and read as %+v, %v", text, r, r, again, err)
		}
		if u := r.base(); u.Host != r.Host || strings.ContainsAny(u.String(), " \r\n?#") {
			t.Errorf("%q leads to %q", text, u)
		}
	})
}
