package payload

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bantam/images"
	"bantam/layer"
	"bantam/system"
)

// debian is a request with Debian's archive and this user's cache, as bantam build has it.
func debian(t *testing.T, text string) Request {
	t.Helper()
	r := request(t, text)
	dir, err := images.DefaultCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	r.Cache = images.Cache{Dir: dir}
	r.Archive = images.Archive{CacheDir: dir, Release: "bookworm", Arch: r.Arch}
	r.Filter = images.DebianSquashFilter(r.Arch)
	return r
}

// tree unpacks layers over one another, as a machine mounts them, and makes the links of the root.
func tree(t *testing.T, layers []images.Layer) string {
	t.Helper()
	root := t.TempDir()
	for _, l := range layers {
		if out, err := exec.Command("unsquashfs", "-quiet", "-no-progress", "-force", "-dest", root, l.File).CombinedOutput(); err != nil {
			t.Fatalf("unsquashfs: %v: %s", err, out)
		}
	}
	for _, name := range []string{"lib", "lib64", "sbin"} {
		if err := os.Symlink("usr/"+name, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// The loader of the package's own libc is the judge of whether everything is there.
func TestProgramsOfPackagesRun(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("programs for another machine")
	}
	r := debian(t, `packages = ["mosquitto", "tcpdump", "nftables"]`)
	layers, notes, err := Layers(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	var indexes layer.Tree
	for _, l := range layers {
		indexes = append(indexes, l.Index)
	}
	root := tree(t, layers)
	for _, program := range []struct{ path, argument, says string }{
		{"/usr/sbin/mosquitto", "-h", "mosquitto is an MQTT"},
		{"/usr/bin/tcpdump", "--version", "libpcap version"},
		{"/usr/sbin/nft", "--version", "nftables v"},
	} {
		if entries, lacking := indexes.Closure(program.path, layer.Folders(r.Arch)); len(entries) < 5 || len(lacking) > 0 {
			t.Errorf("%s consists of %d files, and lacks %q", program.path, len(entries), lacking)
		}
		cmd := exec.Command(program.path, program.argument)
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		cmd.Dir = "/"
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), program.says) {
			t.Errorf("%s says %q, want %q", program.path, out, program.says)
		}
	}
	i := slices.IndexFunc(layers, func(l images.Layer) bool { return l.Name == "package/libc6" })
	if i < 0 || strings.Join(layers[i].For, " ") != "package/mosquitto package/nftables package/tcpdump" {
		t.Errorf("libc6 is not for all three: %+v", layers)
	}
	for _, l := range layers {
		if strings.Contains(l.Name, "perl") || strings.Contains(l.Name, "systemd-") || strings.HasSuffix(l.Name, rarePart) {
			t.Errorf("there is %s", l.Name)
		}
	}
	said := strings.Join(notes, "\n")
	for _, want := range []string{"for mosquitto, tcpdump system.toml wants [user.mosquitto], [user.tcpdump] and [service.mosquitto]; to paste and to change:", "[user.mosquitto]\nuid = 100\n\n[user.tcpdump]\nuid = 101\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("want %q in the notes\n%s", want, said)
		}
	}
}

// Packages come for the board's architecture, whatever that of this host is.
func TestProgramsForAnotherArchitectureFindTheirLibraries(t *testing.T) {
	r := debian(t, `packages = ["nftables"]`)
	r.Arch, r.Archive.Arch, r.Filter = "arm64", "arm64", images.DebianSquashFilter("arm64")
	layers, _, err := Layers(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	root := tree(t, layers)
	out, err := exec.Command("qemu-aarch64", "-L", root, filepath.Join(root, "lib/ld-linux-aarch64.so.1"), "--list", filepath.Join(root, "usr/sbin/nft")).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatal("qemu-aarch64 is missing: apt-get install qemu-user")
	}
	if err != nil || !strings.Contains(string(out), "libnftables.so.1 => /lib/aarch64-linux-gnu/") || strings.Contains(string(out), "not found") {
		t.Errorf("its loader says %s, %v", out, err)
	}
}

func TestLayersAreTheSameEachTime(t *testing.T) {
	r := debian(t, `packages = ["nftables"]`)
	first, _, err := Layers(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Umask(syscall.Umask(0o077))
	t.Setenv("SOURCE_DATE_EPOCH", "1000000000")
	other := t.TempDir()
	for _, kept := range []string{"apt", "debs"} { // what was fetched, and nothing that was made
		if err := os.CopyFS(filepath.Join(other, kept), os.DirFS(filepath.Join(r.Cache.Dir, kept))); err != nil {
			t.Fatal(err)
		}
	}
	r.Cache.Dir, r.Archive.CacheDir = other, other
	second, _, err := Layers(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range first {
		if i >= len(second) || second[i].Digest != l.Digest || second[i].Name != l.Name {
			t.Errorf("first %s %s, then %+v", l.Name, l.Digest, second[min(i, len(second)-1)])
		}
	}
	left, err := os.ReadDir(other)
	for _, e := range left {
		if !slices.Contains([]string{"apt", "debs", "files", "locks", "results"}, e.Name()) {
			t.Errorf("it leaves %s", e.Name())
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func TestPackagesThatCannotBe(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"no such package", "packages = [\"nftables\", \"mosquito\"]\n", `system.toml:1:25: packages: Debian bookworm amd64 has no package mosquito; did you mean "mosquitto"?`},
		{"two that do not exist, at once", "packages = [\"mosquito\", \"nftable\"]\n", "system.toml:1:13: packages: Debian bookworm amd64 has no package mosquito; did you mean \"mosquitto\"?\nsystem.toml:1:25: packages: Debian bookworm amd64 has no package nftable; did you mean \"nftables\"?"},
		{"a package, a program and a source that do not exist", "packages = [\"mosquito\"]\n[program.p]\nfile = \"none\"\n[file.\"/srv/x\"]\nsource = \"none\"\n",
			"system.toml:1:13: packages: Debian bookworm amd64 has no package mosquito; did you mean \"mosquitto\"?\nsystem.toml:3:1: program.p.file: there is no file \"none\" beside system.toml\n"},
		{"a path that is not in the package", "packages = [\"nftables\"]\n[package.nftables]\nexclude = [\"/usr/share/nftable\", \"/usr/share/doc\"]\n",
			"system.toml:3:12: package.nftables.exclude[0]: package nftables has no /usr/share/nftable; bantam package nftables lists what there is"},
		{"one that has nothing to carry", "packages = [\"gcc-12-base\", \"nftables\"]\n", "system.toml:1:13: package gcc-12-base has nothing that a machine carries; remove it"},
		{"a library that is excluded", "packages = [\"nftables\", \"libnftables1\"]\n[package.libnftables1]\nexclude = [\"/usr/lib/x86_64-linux-gnu/libnftables.so.1\"]\n",
			"system.toml:1:13: nothing provides library libnftables.so.1, which /usr/sbin/nft of package nftables needs; add the package that has it to packages, or leave the file out by exclude"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := debian(t, test.text)
			r.Dir = t.TempDir()
			_, _, err := Layers(context.Background(), r)
			var bad *images.BadSystem
			if !errors.As(err, &bad) || err.Error() != test.want && !(strings.HasSuffix(test.want, "\n") && strings.HasPrefix(err.Error(), test.want)) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestPackagesWithoutNetwork(t *testing.T) {
	for _, name := range []string{"http_proxy", "https_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	r := debian(t, `packages = ["nftables"]`)
	empty := t.TempDir()
	r.Cache.Dir, r.Archive.CacheDir = empty, empty
	if _, _, err := Layers(context.Background(), r); err == nil || !strings.HasPrefix(err.Error(), "system.toml:1:13: package nftables: Debian's archive cannot be reached; ") {
		t.Errorf("error %v, want that of the network", err)
	}
}

// Check and build propose the same lines, also for a package that only stands for others.
func TestCheckWantsWhatBuildWants(t *testing.T) {
	r := debian(t, "packages = [\"tcpdump\", \"nginx-light\", \"mosquitto\"]\n")
	_, notes, err := Layers(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	noApt(t)
	remarks, lines := Wants(r)
	for _, want := range []string{"[user.mosquitto]\nuid = 100\n", "[user.tcpdump]\nuid = 101\n", "[user.www-data]\nuid = 33\n", "command = [\"/usr/sbin/nginx\", \"-g\", \"daemon off;\"]\n"} {
		if !strings.Contains(lines, want) {
			t.Errorf("want %q in\n%s", want, lines)
		}
	}
	if !slices.ContainsFunc(notes, func(n string) bool { return strings.HasSuffix(n, "\n\n"+lines) }) {
		t.Errorf("check proposes\n%s\nand a build says\n%s", lines, strings.Join(notes, "\n"))
	}
	if len(remarks) != 3 || !strings.HasPrefix(remarks[1].String(), "system.toml:1:24: remark: package nginx-light wants [user.www-data] and [service.nginx]; ") {
		t.Errorf("remarks %v", remarks)
	}
	const tcpdump = "package tcpdump: tcpdump is a command of Bantam's own, also as /bin/tcpdump; this one is /usr/bin/tcpdump"
	if _, remarks := CommandFaults(context.Background(), r); len(remarks) != 1 || remarks[0].String() != "system.toml:1:13: remark: "+tcpdump {
		t.Errorf("remarks %v", remarks)
	}
	if !slices.Contains(notes, tcpdump) {
		t.Errorf("notes %q", notes)
	}
}

// What check says comes from what this host knows already.
func TestWantsAreKnownWithoutNetwork(t *testing.T) {
	const text = "packages = [\"tcpdump\"]\n"
	r := debian(t, text)
	if _, _, err := Layers(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	noApt(t)
	remarks, lines := Wants(r)
	if len(remarks) != 1 || remarks[0].String() != "system.toml:1:13: remark: package tcpdump wants [user.tcpdump]; lines to paste stand below" || lines != "[user.tcpdump]\nuid = 100\n" {
		t.Errorf("remarks %v, lines\n%s", remarks, lines)
	}
	r.System.Users = map[string]system.User{"tcpdump": {UID: 100}}
	if remarks, lines := Wants(r); len(remarks) > 0 || lines != "" {
		t.Errorf("when it has all: remarks %v, lines\n%s", remarks, lines)
	}
	r = debian(t, text)
	r.Archive.CacheDir, r.Cache.Dir = t.TempDir(), t.TempDir()
	if remarks, lines := Wants(r); len(remarks) > 0 || lines != "" {
		t.Errorf("with an empty cache: remarks %v, lines\n%s", remarks, lines)
	}
}

// A session with a provider brings pppd, its part for PPPoE and what both load, and nothing else of its package.
func TestWhatASystemNeedsComesByItself(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("programs for another machine")
	}
	r := debian(t, "[net.wan]\npppoe = { port = \"eth0\", user = \"a@b\", password = { secret = \"isp\" } }\n")
	layers, notes, err := Layers(context.Background(), r)
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	i := slices.IndexFunc(layers, func(l images.Layer) bool { return l.Name == "package/ppp" })
	if i < 0 {
		t.Fatalf("%+v", layers)
	}
	var files []string
	for _, e := range layers[i].Index {
		if e.Kind == layer.RegularFile || e.Kind == layer.Link {
			files = append(files, e.Path)
		}
	}
	if len(files) != 2 || files[0] != "usr/lib/pppd/2.4.9/pppoe.so" || files[1] != "usr/sbin/pppd" {
		t.Errorf("got %q", files)
	}
	for _, l := range layers {
		if strings.HasPrefix(l.Name, "package/libpam-") || !slices.Equal(l.For, []string{"package/ppp"}) {
			t.Errorf("there is %s for %q", l.Name, l.For)
		}
	}
	cmd := exec.Command("/usr/sbin/pppd", "--version")
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: tree(t, layers)}
	cmd.Dir = "/"
	if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), "pppd version 2") {
		t.Errorf("it says %q", out)
	}
	r.Arch, r.Archive.Arch = "arm64", "arm64"
	if _, _, err := r.packages(context.Background()); err != nil {
		t.Error(err)
	}

	// Where something cannot be, the key that needs it is named.
	r = debian(t, "packages = [\"busybox\", \"no-such\"]\n[net.wan]\npppoe = { port = \"eth0\", user = \"a@b\", password = { secret = \"isp\" } }\n")
	if got := r.packageKey("ppp"); got != "net.wan.pppoe" || r.packageKey("no-such") != "packages[1]" {
		t.Errorf("got %q", got)
	}
}

// A radio brings the program that it needs, what that loads, and the rules of countries by the names that the kernel knows.
func TestARadioBringsWhatItNeeds(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("programs for another machine")
	}
	r := debian(t, "[net.wlan0]\nwifi = { mode = \"ap\", ssid = \"a\", security = \"open\", country = \"DE\" }\n[net.wlan1]\nwifi = { ssid = \"b\", security = \"open\" }\n")
	layers, notes, err := Layers(context.Background(), r)
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	var files []string
	for _, l := range layers {
		for _, e := range l.Index {
			if own := l.Name == "package/hostapd" || l.Name == "package/wpasupplicant" || l.Name == "package/wireless-regdb"; own && e.Kind != layer.Folder {
				files = append(files, e.Path)
			}
		}
	}
	want := []string{"usr/sbin/hostapd", "usr/lib/firmware/regulatory.db", "usr/lib/firmware/regulatory.db.p7s", "usr/sbin/wpa_supplicant"}
	if !slices.Equal(files, want) {
		t.Errorf("got %q", files)
	}
	root := tree(t, layers)
	if text, err := os.ReadFile(filepath.Join(root, "usr/lib/firmware/regulatory.db")); err != nil || !strings.HasPrefix(string(text), "RGDB") {
		t.Errorf("%v, %.4q", err, text)
	}
	for program, want := range map[string]string{"hostapd": "hostapd v2", "wpa_supplicant": "wpa_supplicant v2"} {
		cmd := exec.Command("/usr/sbin/"+program, "-v")
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		cmd.Dir = "/"
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), want) {
			t.Errorf("%s says %q", program, out)
		}
	}
}
