package payload

import (
	"context"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAuthoritiesOfAPackageAreOneFile(t *testing.T) {
	cert := func(name string) string {
		return "-----BEGIN CERTIFICATE-----\n" + name + "\n-----END CERTIFICATE-----\n"
	}
	deb := writeDeb(t, nil, entry{name: "./usr/share/ca-certificates/x/b.crt", text: cert("b")}, entry{name: "./usr/share/ca-certificates/x/a.crt", text: cert("a") + "\n\n"},
		entry{name: "./usr/share/ca-certificates/x/none.crt", text: "none"}, entry{name: "./usr/share/ca-certificates/x/c.txt", text: cert("c")})
	c, err := readDeb(context.Background(), deb, t.TempDir(), "amd64")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Tree {
		if f.Path == authoritiesFile {
			if got, want := string(f.Data), cert("a")+cert("b"); got != want || f.Mode != 0o644 || len(f.SHA256) != 64 {
				t.Errorf("%+v holds\n%s\nwant\n%s", f.Entry, got, want)
			}
			return
		}
	}
	t.Errorf("there is no such file in %q", listing(c.Tree))
}

// Go's own reader of certificates takes what Debian's package gives.
func TestAuthoritiesOfDebian(t *testing.T) {
	layers, _, err := Layers(context.Background(), debian(t, `packages = ["ca-certificates"]`))
	if err != nil {
		t.Fatal(err)
	}
	root := tree(t, layers)
	text, err := os.ReadFile(filepath.Join(root, authoritiesFile))
	if err != nil {
		t.Fatal(err)
	}
	each, err := filepath.Glob(filepath.Join(root, authoritiesDir, "*/*.crt"))
	if n := strings.Count(string(text), "-----BEGIN CERTIFICATE-----"); err != nil || n != len(each) || n < 100 || !x509.NewCertPool().AppendCertsFromPEM(text) {
		t.Errorf("%d certificates of %d files", n, len(each))
	}
}
