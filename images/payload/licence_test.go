package payload

import (
	"strings"
	"testing"
)

func TestLicences(t *testing.T) {
	for text, want := range map[string]string{
		"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: GPL-2+\n\nFiles: x\nLicense: Expat\n text\n\nLicense: GPL-2+\n text /usr/share/common-licenses/GPL-2\n": "Expat GPL-2+",
		"It is free.\nSee /usr/share/common-licenses/GPL-2. Or `/usr/share/common-licenses/Apache-2.0'.":                                                                                                          "Apache-2.0 GPL-2",
		"do what you want": "",
	} {
		c := contents{Aside: map[string]string{"usr/share/doc/x/copyright": text}}
		if got := strings.Join(c.licences(), " "); got != want {
			t.Errorf("got %q, want %q of\n%s", got, want, text)
		}
	}
}
