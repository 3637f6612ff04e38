package system

import (
	"strings"
	"testing"
)

func TestACommandNamesAFile(t *testing.T) {
	const file = "/etc/web/site.conf"
	for word, want := range map[string]bool{
		file: true, "--config=" + file: true, "-c" + file: false, file + ",/etc/other": true, "'" + file + "'": true,
		"cat " + file + "; exec httpd": true, file + ".bak": false, "/old" + file: false, file + "/x": false,
		file + ".bak " + file: true, "/etc/web": false, "": false,
	} {
		if got := NamedBy(Service{Command: []string{"httpd", word}}, file); got != want {
			t.Errorf("%q: %v, want %v", word, got, want)
		}
	}
}

func TestALongTextIsTold(t *testing.T) {
	text := func(s string) *System {
		return &System{Files: map[string]File{"/etc/x": {Text: Value{Text: s}, Mode: "0644", Owner: "root"}}}
	}
	for _, c := range []struct{ old, new, want string }{
		{"a\n", "b\n", `file."/etc/x".text: "a\n" -> "b\n"`},
		{"", "b", `file."/etc/x".text: (not set) -> "b"`},
		{strings.Repeat("line\n", 100), strings.Repeat("line\n", 99) + "end", `file."/etc/x".text: 100 lines, 500 bytes, SHA-256 `},
	} {
		changes := Diff(text(c.old), text(c.new))
		if len(changes) != 1 || !strings.HasPrefix(changes[0].String(), c.want) || len(changes[0].String()) > 160 || strings.Contains(changes[0].String(), "\nline") {
			t.Errorf("got %q, want %q", changes, c.want)
		}
	}
	if got := (File{Mode: "0640"}).Perm(); got != 0o640 {
		t.Errorf("mode %o", got)
	}
}

func TestAFileHasItsDefaults(t *testing.T) {
	sys, problems := Parse("system.toml", []byte("[file.\"/etc/x\"]\ntext = \"a\"\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if f := sys.Files["/etc/x"]; f.Perm() != 0o644 || f.Owner != "root" {
		t.Errorf("%+v", f)
	}
	if changes := Diff(Default(), sys); len(changes) != 1 || changes[0].String() != `file."/etc/x".text: (not set) -> "a"` {
		t.Errorf("%v", changes)
	}
}

func TestAFileLiesWhereAGenerationHasFiles(t *testing.T) {
	for _, folder := range []string{"/bin", "/boot", "/dev", "/init", "/lib", "/lib64", "/proc", "/run", "/sbin", "/state", "/sys", "/tmp"} {
		for _, file := range []string{folder, folder + "/x"} {
			for key, value := range map[string]string{"text": `"a"`, "source": `"a"`} {
				_, problems := Parse("system.toml", []byte("\n [file.\""+file+"\"]\n"+key+" = "+value+"\n"))
				const want = "files may be made below /etc, /home, /opt, /root, /srv, /usr, /var only"
				if len(problems) != 1 || problems[0].String() != "system.toml:2:8: file.\""+file+"\": "+want {
					t.Errorf("%s with %s: %v", file, key, problems)
				}
			}
		}
	}
	for _, folder := range []string{"/etc", "/home", "/opt", "/root", "/srv", "/usr", "/var"} {
		if _, problems := Parse("system.toml", []byte("[file.\""+folder+"/x\"]\ntext = \"a\"\n")); len(problems) > 0 {
			t.Errorf("below %s: %v", folder, problems)
		}
	}
}
