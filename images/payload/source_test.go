package payload

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bantam/images"
	"bantam/layer"
	"bantam/switcher"
	"bantam/system"
)

// beside makes files beside a system.toml: a path that ends in / is a folder, one with -> a link.
func beside(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name, to, isLink := strings.Cut(name, " -> ")
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case isLink:
			err = os.Symlink(to, at)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(at, 0o755)
		default:
			err = os.WriteFile(at, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// site is a system.toml with sources.
const site = `
[user.web]
uid = 1000
gid = 2000

[file."/srv/www"]
source = "site"
owner = "web"

[file."/etc/web.conf"]
source = "conf/web.conf"
mode = "0640"
owner = "web"

[file."/etc/web.d"]
source = "conf/web.d"

[file."/etc/plain"]
text = "text"

[file."/opt/notes.txt"]
source = "./notes.txt"
`

func siteFiles(t *testing.T, dir string) {
	t.Helper()
	beside(t, dir, map[string]string{
		"site/index.html": "<h1>It works</h1>", "site/deep/er/a file": "x", "site/empty/": "", "site/\xff\xfe": "not UTF-8", "site/run.sh": "#!/bin/sh\n",
		"site/deep/up -> ../index.html": "", "site/to -> deep": "", "site/nowhere -> deep/missing": "", "site/self -> .": "",
		"conf/web.conf": "listen 80\n", "conf/web.d/a": "1", "conf/web.d/b -> a": "",
		"real.txt": "notes\n", "notes.txt -> real.txt": "",
	})
	if err := os.Chmod(filepath.Join(dir, "site/run.sh"), 0o710); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "site/index.html"), 0o666|os.ModeSetuid|0o011); err != nil {
		t.Fatal(err)
	}
}

func filesOf(t *testing.T, r Request) built {
	t.Helper()
	layers, notes, err := filesLayer(context.Background(), r)
	if err != nil || len(layers) != 1 || len(notes) > 0 {
		t.Fatalf("%d layers, notes %q, %v", len(layers), notes, err)
	}
	return layers[0]
}

func TestSourcesAreOneLayer(t *testing.T) {
	r := request(t, site)
	r.Dir = t.TempDir()
	siteFiles(t, r.Dir)
	b := filesOf(t, r)
	if b.Name != "files" || b.Version != "" || !slices.Equal(b.For, []string{"files"}) {
		t.Errorf("the layer is %+v", b.Layer)
	}
	want := strings.Join([]string{
		"drwxr-xr-x 0/0 /",
		"drwxr-xr-x 0/0 /etc",
		"-rw-r----- 1000/2000 /etc/web.conf",
		"drwxr-xr-x 0/0 /etc/web.d",
		"-rw-r--r-- 0/0 /etc/web.d/a",
		"lrwxrwxrwx 0/0 /etc/web.d/b -> a",
		"drwxr-xr-x 0/0 /opt",
		"-rw-r--r-- 0/0 /opt/notes.txt",
		"drwxr-xr-x 0/0 /srv",
		"drwxr-xr-x 1000/2000 /srv/www",
		"drwxr-xr-x 1000/2000 /srv/www/deep",
		"drwxr-xr-x 1000/2000 /srv/www/deep/er",
		"-rw-r--r-- 1000/2000 /srv/www/deep/er/a file",
		"lrwxrwxrwx 1000/2000 /srv/www/deep/up -> ../index.html",
		"drwxr-xr-x 1000/2000 /srv/www/empty",
		"-rw-r--r-- 1000/2000 /srv/www/index.html",
		"lrwxrwxrwx 1000/2000 /srv/www/nowhere -> deep/missing",
		"-rwxr-xr-x 1000/2000 /srv/www/run.sh",
		"lrwxrwxrwx 1000/2000 /srv/www/self -> .",
		"lrwxrwxrwx 1000/2000 /srv/www/to -> deep",
		"-rw-r--r-- 1000/2000 /srv/www/\xff\xfe",
	}, "\n")
	if got := withoutSizes(unsquash(t, b.File)); got != want {
		t.Errorf("the layer has\n%s\nwant\n%s", got, want)
	}
	if text, err := exec.Command("unsquashfs", "-cat", b.File, "opt/notes.txt").Output(); string(text) != "notes\n" {
		t.Errorf("/opt/notes.txt is %q, %v", text, err)
	}
	var indexed []string
	for _, e := range b.Index {
		indexed = append(indexed, e.Path)
		if named := slices.Contains([]string{"srv/www", "opt/notes.txt", "etc/web.d", "etc/web.conf"}, e.Path); named && len(e.SHA256) != 64 {
			t.Errorf("%s has the digest %q", e.Path, e.SHA256)
		}
	}
	if got, want := strings.Join(indexed, " "), "etc etc/web.conf etc/web.d etc/web.d/a etc/web.d/b opt/notes.txt srv/www srv/www/deep/up srv/www/nowhere srv/www/run.sh srv/www/self srv/www/to"; got != want {
		t.Errorf("the index lists\n%s, want\n%s", got, want)
	}
	if e := b.Index.Find("etc/web.conf"); e == nil || e.Mode != 0o640 || e.UID != 1000 || e.GID != 2000 || "sha256:"+e.SHA256 != string(switcher.DigestOf([]byte("listen 80\n"))) {
		t.Errorf("etc/web.conf is %+v", e)
	}
}

// withoutSizes leaves rights, owner and path of what unsquashfs lists.
func withoutSizes(list string) string {
	var lines []string
	for line := range strings.Lines(list) {
		f := append(strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 6), "")
		lines = append(lines, strings.Join([]string{f[0], f[1], "/" + strings.TrimPrefix(f[5], "/")}, " "))
	}
	return strings.Join(lines, "\n")
}

func TestTheSameFilesAreTheSameLayer(t *testing.T) {
	r := request(t, site)
	r.Dir = t.TempDir()
	siteFiles(t, r.Dir)
	first := filesOf(t, r)

	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	again := r
	again.Dir, again.Cache = t.TempDir(), images.Cache{Dir: t.TempDir()}
	siteFiles(t, again.Dir)
	if b := filesOf(t, again); b.Digest != first.Digest {
		t.Errorf("in another folder, with another umask and other times it is %s, was %s", b.Digest, first.Digest)
	}
}

// What somebody changes in a folder changes its digest in the index, by which who reads it is restarted.
func TestTheDigestOfAFolderIsOfAllInIt(t *testing.T) {
	for name, change := range map[string]func(dir string) error{
		"a byte":     func(dir string) error { return os.WriteFile(dir+"/deep/er/a file", []byte("y"), 0o644) },
		"a new file": func(dir string) error { return os.WriteFile(dir+"/new", nil, 0o644) },
		"one less":   func(dir string) error { return os.Remove(dir + "/deep/er/a file") },
		"a name":     func(dir string) error { return os.Rename(dir+"/empty", dir+"/void") },
		"a link":     func(dir string) error { return errors.Join(os.Remove(dir+"/to"), os.Symlink("empty", dir+"/to")) },
		"rights":     func(dir string) error { return os.Chmod(dir+"/index.html", 0o755) },
	} {
		r := request(t, site)
		r.Dir = t.TempDir()
		siteFiles(t, r.Dir)
		before := filesOf(t, r).Index.Find("srv/www")
		if err := change(filepath.Join(r.Dir, "site")); err != nil {
			t.Fatal(err)
		}
		after := filesOf(t, r).Index
		if e := after.Find("srv/www"); e == nil || before == nil || e.SHA256 == before.SHA256 {
			t.Errorf("%s: the digest is as before", name)
		}
	}
}

func TestNoSourceNoLayer(t *testing.T) {
	layers, notes, err := filesLayer(context.Background(), request(t, "[file.\"/etc/x\"]\ntext = \"x\"\n"))
	if len(layers)+len(notes) > 0 || err != nil {
		t.Errorf("got %v, %q, %v", layers, notes, err)
	}
}

func TestFaultySources(t *testing.T) {
	const head = "system.toml:3:1: file.\"/srv/www\".source: "
	for name, c := range map[string]struct {
		files  map[string]string
		more   func(t *testing.T, dir string)
		source string // of /srv/www, which is all that the file has
		extra  string // further lines
		want   []string
	}{
		"not there":         {source: "site", want: []string{head + `there is no file or folder "site" beside system.toml`}},
		"misspelt":          {files: map[string]string{"a/sites/": ""}, source: "a/site", want: []string{head + `there is no file or folder "a/site" beside system.toml; did you mean "a/sites"?`}},
		"below a file":      {files: map[string]string{"site": ""}, source: "site/x", want: []string{head + `"site/x" goes on behind what is no folder`}},
		"the folder itself": {source: ".", want: []string{head + `"." is the folder of system.toml itself, in which images are made; move what is meant into a folder of its own`}},
		"in disguise":       {files: map[string]string{"a/": ""}, source: "a/..", want: []string{head + `"a/.." is the folder of system.toml itself, in which images are made; move what is meant into a folder of its own`}},
		"a link out":        {files: map[string]string{"site -> ../other": ""}, source: "site", want: []string{head + `"site" leads out of the folder of system.toml; move it there, and write its path from that folder`}},
		"below a link out":  {files: map[string]string{"site -> /etc": ""}, source: "site/passwd", want: []string{head + `"site/passwd" leads out of the folder of system.toml; move it there, and write its path from that folder`}},
		"a circle":          {files: map[string]string{"site -> site": ""}, source: "site", want: []string{head + "links lead from \"site\" in a circle; have one of them lead to a file"}},
		"a pipe": {more: func(t *testing.T, dir string) { mkfifo(t, dir+"/site") }, source: "site",
			want: []string{head + `"site" is a named pipe; name a file or a folder`}},
		"rights of a folder": {files: map[string]string{"site/": ""}, source: "site", extra: `mode = "0600"`,
			want: []string{`system.toml:4:1: file."/srv/www".mode: "site" is a folder; files in it are 0755 if their owner may run them, or else 0644; remove it`}},
		"what a folder may not have": {
			files: map[string]string{"site/deep/new\nline": "", "site/abs -> /srv/www/index.html": "", "site/deep/out -> ../../secret": "", "site/deep/in -> ../abs": "",
				"site/loop -> loop": "", "secret": "", "site/fine -> deep/../deep": "", "site/deep/er/up -> ../..": "", "site/climb -> deep/er/up/..": ""},
			more: func(t *testing.T, dir string) {
				mkfifo(t, dir+"/site/deep/pipe")
				if err := syscall.Mknod(dir+"/site/null", syscall.S_IFCHR|0o666, 1<<8|3); err != nil {
					t.Fatalf("mknod: %v; run the tests as root", err)
				}
				t.Chdir(dir + "/site") // the name of a socket has at most 107 bytes
				l, err := net.Listen("unix", "socket")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { l.Close() })
			},
			source: "site",
			want: []string{
				head + `the link "site/abs" leads out of the folder, to "/srv/www/index.html"; put what it leads to into the folder, and write a path from the link's own folder`,
				head + `the link "site/climb" leads out of the folder, to "deep/er/up/.."; put what it leads to into the folder, and write a path from the link's own folder`,
				head + `the link "site/deep/in" leads out of the folder, to "../abs"; put what it leads to into the folder, and write a path from the link's own folder`,
				head + `"site/deep/new\nline" has control characters in its name; rename it`,
				head + `the link "site/deep/out" leads out of the folder, to "../../secret"; put what it leads to into the folder, and write a path from the link's own folder`,
				head + `"site/deep/pipe" is a named pipe; remove it`,
				head + "links lead from \"site/loop\" in a circle; have one of them lead to a file",
				head + `"site/null" is a device; remove it`,
				head + `"site/socket" is a socket; remove it`,
			}},
		"very much of it": {more: func(t *testing.T, dir string) {
			for i := range 12 {
				beside(t, dir, map[string]string{"site/" + string(rune('a'+i)) + " -> /etc": ""})
			}
		}, source: "site", want: append(slices.Repeat([]string{"leads out of the folder"}, mostProblems), head+"2 more of this kind")},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, "\n[file.\"/srv/www\"]\nsource = \""+c.source+"\"\n"+c.extra)
			r.Dir = t.TempDir()
			beside(t, r.Dir, c.files)
			if c.more != nil {
				c.more(t, r.Dir)
			}
			layers, _, err := filesLayer(context.Background(), r)
			var bad *images.BadSystem
			if !errors.As(err, &bad) || len(layers) > 0 {
				t.Fatalf("got %d layers, %v", len(layers), err)
			}
			lines := strings.Split(err.Error(), "\n")
			for i, line := range lines {
				if i >= len(c.want) || !strings.Contains(line, c.want[i]) {
					t.Errorf("it says\n%s", line)
				}
			}
			if len(lines) < len(c.want) {
				t.Errorf("it does not say\n%s", strings.Join(c.want[len(lines):], "\n"))
			}
		})
	}
}

// The device copies what is below /etc into memory; elsewhere a file is as large as it is.
func TestALargeFileDoesNotFitBelowEtc(t *testing.T) {
	for at, want := range map[string]string{
		"/etc/x":   `system.toml:2:1: file."/etc/x".source: "x/large" has 1,048,577 bytes; a file below /etc has at most 1,048,576, as it lies in memory`,
		"/etc/x/y": `system.toml:2:1: file."/etc/x/y".source: "x/large" has 1,048,577 bytes; a file below /etc has at most 1,048,576, as it lies in memory`,
		"/srv/x":   "",
	} {
		r := request(t, "[file.\""+at+"\"]\nsource = \"x\"\n")
		r.Dir = t.TempDir()
		beside(t, r.Dir, map[string]string{"x/large": strings.Repeat("x", system.MaxSize+1), "x/fits": strings.Repeat("x", system.MaxSize)})
		_, _, err := filesLayer(context.Background(), r)
		if said := fmt.Sprint(err); want == "" && err != nil || want != "" && said != want {
			t.Errorf("%s: %s", at, said)
		}
	}
}

func mkfifo(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A file that becomes a link out of the folder between the look at it and the packing is not followed.
func TestASourceThatIsExchangedIsNotFollowed(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	beside(t, dir, map[string]string{"a": "x"})
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f := File{Entry: layer.Entry{Path: "srv/a", Kind: layer.RegularFile}, Host: "a", root: root}
	before, err := f.digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(dir+"/a"), os.Symlink(secret, dir+"/a")); err != nil {
		t.Fatal(err)
	}
	if after, err := f.digest(); err == nil {
		t.Errorf("it is followed: %s, was %s", after, before)
	}
}

func TestAFolderOfThousandsOfFilesBelongsNotBelowEtc(t *testing.T) {
	dir, files := t.TempDir(), map[string]string{}
	for i := range mostEtc + 100 {
		files[fmt.Sprintf("many/%d", i)] = ""
	}
	beside(t, dir, files)
	for path, want := range map[string]string{
		"/srv/many": "",
		"/etc/many": `system.toml:2:1: file."/etc/many".source: "many" has more than 1,000 files for /etc, which lie in memory and are made anew by each boot; put it below /srv or /usr/share, where it is read where it lies`,
	} {
		r := request(t, "[file.\""+path+"\"]\nsource = \"many\"\n")
		r.Dir = dir
		if _, _, err := filesLayer(context.Background(), r); want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}
