package test

import (
	"fmt"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bantam/images/cosigntest"
	"bantam/oci/registrytest"
	"bantam/test/vm"
)

// releaser is a build host with keys, whose releases of one machine are in a registry under one tag.
type releaser struct {
	t        *testing.T
	dir      string
	registry string // HOST:PORT
}

func newReleaser(t *testing.T, keys ...string) *releaser {
	t.Helper()
	t.Setenv("COSIGN_PASSWORD", "correct horse")
	r := &releaser{t: t, dir: t.TempDir(), registry: registrytest.Start(t, "", "")}
	for _, name := range keys {
		r.bantam("keygen", r.path(name))
	}
	return r
}

func (r *releaser) path(name string) string { return filepath.Join(r.dir, name) }

// tag is where all releases go.
func (r *releaser) tag() string { return "http://" + r.registry + "/machines/pc:stable" }

func (r *releaser) bantam(args ...string) string {
	r.t.Helper()
	text, err := exec.Command(bantam, args...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("bantam %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return string(text)
}

// build makes the images of a release whose host name says its version, and returns their folder.
func (r *releaser) build(version int, trusts, more string) string {
	r.t.Helper()
	text := string(read(r.t, "../examples/mqtt/system.toml"))
	text = strings.Replace(text, `hostname = "mqtt"`, fmt.Sprintf("hostname = \"v%d\"\nversion = %d", version, version), 1)
	text += "\n[trust]\nkeys = [\"\"\"\n" + string(read(r.t, r.path(trusts+".pub"))) + "\"\"\"]\n" + more
	system, out := r.path("system.toml"), r.path(fmt.Sprint("v", version))
	if err := os.WriteFile(system, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
	r.bantam("build", "--img", "--out", out, "--lock", r.path("lock"), system)
	return out
}

// sign signs what a source holds, and returns what is said of it.
func (r *releaser) sign(key, what string) {
	r.t.Helper()
	r.bantam("sign", "--insecure", "--key", r.path(key+".key"), what)
}

// push sends a release, and returns what cosign calls it.
func (r *releaser) push(out string) (image string) {
	r.t.Helper()
	said := r.bantam("push", "--insecure", "--store", filepath.Join(out, "store"), r.tag())
	r.t.Log(said)
	_, digest, ok := strings.Cut(strings.TrimSpace(said), " is sha256:")
	if !ok {
		r.t.Fatalf("no digest in %q", said)
	}
	return r.registry + "/machines/pc@sha256:" + digest
}

// kept is what the machine keeps of generations.
func (c *console) kept() string {
	c.t.Helper()
	return c.must("ls -d /state/import; cd /state; find store record record.copy -type f | sort | xargs sha256sum | sha256sum; cd", "  -\n")
}

// A machine follows the tag of a registry: what its key has signed, and is no older, comes and is switched to, with the bytes alone that it lacks;
// nothing else leaves a trace. It goes on after a broken line, and comes to trust another key.
func TestAMachineTakesFromARegistryWhatItsKeyHasSigned(t *testing.T) {
	r := newReleaser(t, "first", "second", "strange")
	path := disk(t, filepath.Join(r.build(7, "first", ""), "pc.img"))
	proxy, address := serve(t, httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: r.registry}))
	from := address + "/machines/pc:stable"
	c := &console{Machine: vm.Start(t, pc(t, bios, "-drive", virtio(path))...), t: t, host: "v7"}
	c.booted()
	c.settled()

	image := r.push(r.build(8, "first", ""))
	before := c.kept()
	c.refused("bantam switch "+from, "it is not signed", "`bantam sign --key FILE`")
	r.sign("strange", r.tag())
	c.refused("bantam import "+from, "no key of [trust] keys has signed it")
	if after := c.kept(); after != before {
		t.Errorf("what was refused has changed\n%sto\n%s", before, after)
	}
	cosigntest.Must(t, "sign", "--yes", "--tlog-upload=false", "--key", r.path("first.key"), image)
	proxy.taken()
	if m := importedBytes(t, c.must("bantam import --json "+from, `"number": 2`)); m.Loaded != 1 || m.Bytes > 2<<10 {
		t.Errorf("a change of the configuration has moved %+v", m)
	}
	if all := proxy.taken(); all > 16<<10 {
		t.Errorf("a change of the configuration has moved %d bytes, with manifest and signatures", all)
	}
	c.switched("bantam switch "+from, "v8", 2)

	six := r.build(6, "first", "")
	r.sign("first", filepath.Join(six, "store"))
	r.push(six)
	c.refused("bantam switch "+from, "version 6 is older than 8, which this machine has accepted", "`bantam import --downgrade`")
	c.must("bantam import --downgrade "+from, "version 6 is older than 8", "taken because of --downgrade", "generation 3 is here")
	c.must("dmesg | grep downgrade", "version 6 is older than 8, which this machine has accepted, taken because of --downgrade")
	c.switched("bantam switch 3", "v6", 3)
	c.switched("bantam rollback", "v8", 2)

	c.must(`bantam show | sed 's/"v8"/"edited"/' > /tmp/edited.toml; grep -c edited /tmp/edited.toml`, "1\n")
	c.switched("bantam switch /tmp/edited.toml", "edited", 4)

	// Version 9 has a package with other bytes, and another key.
	nine := r.build(9, "second", "\n[package.mosquitto]\nexclude = [\"/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so\"]\n")
	r.sign("first", filepath.Join(nine, "store"))
	r.push(nine)
	const kept = 100 << 10
	proxy.set(kept, false)
	c.must("bantam switch "+from+"; echo code $?", "the same command goes on there", "code 1\n")
	c.must("bantam import http://10.0.2.2:1/machines/pc:stable; echo code $?", "connection refused: nothing listens there; does the server run", "code 1\n")
	proxy.set(0, false)
	proxy.taken()
	m := importedBytes(t, c.must("bantam import --json "+from, `"number": 5`))
	if m.Loaded != 1 || m.Bytes < 64<<10 || m.Bytes > 384<<10 {
		t.Errorf("what is left of a package's update has moved %+v", m)
	}
	c.switched("bantam switch "+from, "v9", 5)

	ten := r.build(10, "second", "")
	r.sign("first", filepath.Join(ten, "store"))
	image = r.push(ten)
	c.refused("bantam switch "+from, "no key of [trust] keys has signed it")
	r.sign("second", r.tag())
	c.switched("bantam switch "+from, "v10", 6)
	cosigntest.Must(t, "verify", "--key", r.path("second.pub"), "--insecure-ignore-tlog", image)
	c.must("bantam generations", "import")
	c.off()
}

// switched goes to a generation whose host name is known.
func (c *console) switched(command, host string, number int) {
	c.t.Helper()
	c.Send(command + "\r")
	c.Expect(fmt.Sprintf("generation %d runs and is the default", number))
	c.host = host
	c.prompt()
}
