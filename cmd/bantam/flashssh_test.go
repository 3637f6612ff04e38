package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bantam/firmware"
	"bantam/netcfg/netlab"
)

// An openWrt is a machine with Debian's dropbear, in namespaces of its own, and with a script for each of OpenWrt's commands that is asked for. Its
// sysupgrade ends everything there, and what starts then is a Bantam with another host key.
type openWrt struct {
	lab *netlab.Lab
	dir string // the test's
}

// setup is what the namespaces' first process does. $1 is the folder.
const setup = `set -e
mount --make-rprivate /
mount --bind "$1" /mnt
cp /etc/passwd /etc/group /etc/shells /mnt/etc/
mount --bind /mnt/etc /etc
mount --bind /mnt/root /root
mount --bind /mnt/tmp /tmp
dropbear -F -E -p 127.0.0.1:22 -r /mnt/old.key 2>>/mnt/server.log || :
while [ ! -e /mnt/upgraded ]; do sleep 0.1; done
sleep 2
rm /etc/openwrt_release
cp /mnt/bantam.then /mnt/bin/bantam
exec dropbear -F -E -p 127.0.0.1:22 -r /mnt/new.key 2>>/mnt/server.log
`

// scripts are OpenWrt's commands as they are played.
var scripts = map[string]string{
	"bin/sysupgrade": `#!/bin/sh
echo "$*" >> /mnt/log
for image; do :; done
case $1 in
-T) grep -q broken "$image" && { echo "Image check failed: broken" >&2; exit 1; }; exit 0 ;;
esac
[ -e /mnt/refuses ] && { echo "Failed to kexec" >&2; exit 1; }
cp "$image" /mnt/written
echo "Commencing upgrade. Closing all shell sessions."
touch /mnt/upgraded
kill -9 -1
`,
	"bin/session": "#!/bin/sh\nPATH=/mnt/bin:/usr/bin:/bin; export PATH\nexec sh -c \"$SSH_ORIGINAL_COMMAND\"\n",
	"bantam.then": `#!/bin/sh
[ "$*" = "status --json" ] && echo '{"hostname":"gate","version":"v1.0","board":"toy","kernel":"6.1","generation":1,"state":"good","default":1,"lasting":true}'
`,
	"etc/openwrt_release":    "DISTRIB_DESCRIPTION='OpenWrt 24.10.0'\n",
	"tmp/sysinfo/board_name": "acme,toy-v1\n",
	"tmp/sysinfo/model":      "ACME Toy v1\n",
}

// begin starts one. changes are files that are others here; without text they are not there.
func begin(t *testing.T, changes map[string]string) *openWrt {
	t.Helper()
	lab := netlab.New(t, "ssh:openssh-client", "dropbear:dropbear-bin", "dropbearkey:dropbear-bin", "ssh-keygen:openssh-client")
	o := &openWrt{lab, t.TempDir()}
	for _, files := range []map[string]string{scripts, changes} {
		for name, text := range files {
			path := filepath.Join(o.dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
			if text == "" {
				os.Remove(path)
			}
		}
	}
	lab.Run("mkdir -p " + o.dir + "/root/.ssh && chmod 700 " + o.dir + "/root " + o.dir + "/root/.ssh && dropbearkey -t ed25519 -f " + o.dir + "/old.key && dropbearkey -t ed25519 -f " + o.dir +
		"/new.key && ssh-keygen -q -t ed25519 -N '' -f " + o.dir + "/key")
	public, err := os.ReadFile(o.dir + "/key.pub")
	if err != nil {
		t.Fatal(err)
	}
	line := `command="/mnt/bin/session" ` + string(public)
	if err := os.WriteFile(o.dir+"/root/.ssh/authorized_keys", []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-m", "-p", "-f", "--mount-proc", "--kill-child", "sh", "-c", setup, "sh", o.dir)
	cmd.Stdout, cmd.Stderr = lab.Log, lab.Log
	lab.Begin(cmd)
	lab.Eventually("a server", func() error {
		if log, _ := os.ReadFile(o.dir + "/server.log"); !bytes.Contains(log, []byte("Not backgrounding")) {
			return errors.New(string(log))
		}
		return nil
	})
	return o
}

// flash is `bantam flash --ssh` there.
func (o *openWrt) flash(t *testing.T, args ...string) (said string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"flash", "--ssh", "root@127.0.0.1", "--identity", o.dir + "/key",
		"-o", "UserKnownHostsFile=" + o.dir + "/known", "-o", "StrictHostKeyChecking=accept-new", "-o", "IdentitiesOnly=yes"}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var text netlab.Output
	cmd.Stdout, cmd.Stderr = &text, &text
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return text.String(), cmd.ProcessState.ExitCode()
}

// has is a file there; "": none.
func (o *openWrt) has(name string) string {
	text, _ := os.ReadFile(filepath.Join(o.dir, name))
	return string(text)
}

// forDevices is an image with OpenWrt's metadata for these.
func forDevices(t *testing.T, body string, devices ...string) (path string, content []byte) {
	t.Helper()
	var b bytes.Buffer
	w := firmware.NewTrailerWriter(&b)
	if _, err := io.WriteString(w, body); err != nil {
		t.Fatal(err)
	}
	text, err := firmware.Metadata{Compat: "1.0", Devices: devices}.Encode()
	if err == nil {
		err = w.Trailer(firmware.Info, text)
	}
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "image.bin")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path, b.Bytes()
}

func TestFlashInstallsOverOpenWrt(t *testing.T) {
	o := begin(t, nil)
	image, content := forDevices(t, strings.Repeat("kernel and all ", 100_000), "acme,toy-v1")
	said, code := o.flash(t, "--yes", image)
	key := o.lab.Run("dropbearkey -y -f " + o.dir + "/new.key | grep -o 'SHA256:[^ ]*'")
	for _, want := range []string{"root@127.0.0.1: ACME Toy v1 (acme,toy-v1), OpenWrt 24.10.0\n", "its sysupgrade writes the image: leave it switched on",
		"Bantam v1.0 runs there, generation 1, good\n", "Its SSH host key is new: " + strings.TrimSpace(key) + ", as `bantam status` on its console shows it", "ssh-keygen -R 127.0.0.1\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q", want)
		}
	}
	if code != exitOK {
		t.Errorf("exit status %d", code)
	}
	if o.has("written") != string(content) || o.has("log") != "-T /tmp/bantam-firmware.bin\n-n /tmp/bantam-firmware.bin\n" {
		t.Errorf("written %d bytes; called %q", len(o.has("written")), o.has("log"))
	}
	if t.Failed() {
		t.Logf("%s\n%s", said, o.has("server.log"))
	}
}

func TestFlashOverOpenWrtRefuses(t *testing.T) {
	for _, test := range []struct {
		name    string
		there   map[string]string
		body    string
		devices []string
		args    []string
		want    string
	}{
		{"another board", nil, "x", []string{"acme,toy-v2", "acme,toy-v3"}, nil, "it is board acme,toy-v1, and the image is for acme,toy-v2, acme,toy-v3; nothing was changed; --force if you know better"},
		{"Bantam", map[string]string{"bin/bantam": "#!/bin/sh\n"}, "x", []string{"acme,toy-v1"}, nil, "it runs Bantam already: `bantam deploy root@127.0.0.1 SYSTEM.toml` gives it another system"},
		{"no OpenWrt", map[string]string{"bin/sysupgrade": "", "tmp/sysinfo/board_name": ""}, "x", []string{"acme,toy-v1"}, nil, "it does not run OpenWrt: an image for its medium goes there by"},
		{"an image that its sysupgrade does not take", nil, "broken", []string{"acme,toy-v1"}, nil, "its sysupgrade does not take the image: it says: Image check failed: broken; nothing was changed"},
		{"no memory", map[string]string{"bin/df": "#!/bin/sh\necho Filesystem\necho tmpfs 9000 8000 1000 90% /tmp\n"}, "x", []string{"acme,toy-v1"}, nil, "1024000 bytes are free in /tmp, and image and sysupgrade need 419"},
		{"an image that arrives damaged", map[string]string{"bin/cat": "#!/bin/sh\nif [ $# -gt 0 ]; then exec /bin/cat \"$@\"; fi\nhead -c 100\n"}, strings.Repeat("x", 5000), []string{"acme,toy-v1"}, nil,
			"the image has not arrived whole: its sum there is another; nothing was changed"},
		{"a sysupgrade that does not begin", map[string]string{"refuses": "x"}, "x", []string{"acme,toy-v1"}, nil, "its sysupgrade has not begun: it says: Failed to kexec"},
		{"nobody to ask", nil, "x", []string{"acme,toy-v1"}, []string{"--yes=false"}, "there is no terminal to ask on; --yes writes without a question"},
		{"nothing known of the image", nil, "", nil, nil, "the image does not say for which of OpenWrt's boards it is, and this is acme,toy-v1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := begin(t, test.there)
			var image string
			if test.devices != nil {
				image, _ = forDevices(t, test.body, test.devices...)
			} else {
				image, _ = diskImage(t, t.TempDir(), 5000)
			}
			said, code := o.flash(t, append([]string{"--yes", image}, test.args...)...)
			if code != exitFault || !strings.Contains(said, test.want) {
				t.Errorf("exit status %d; %q, want %q; %s", code, said, test.want, o.has("server.log"))
			}
			if o.has("upgraded") != "" || o.has("written") != "" || o.has("tmp/bantam-firmware.bin") != "" {
				t.Error("something was changed")
			}
		})
	}
}

func TestFlashOverOpenWrtCannotLogIn(t *testing.T) {
	o := begin(t, nil)
	image, _ := forDevices(t, "x", "acme,toy-v1")
	o.lab.Run("ssh-keygen -q -t ed25519 -N '' -f " + o.dir + "/other && cp " + o.dir + "/other " + o.dir + "/key")
	if said, code := o.flash(t, "--yes", "-o", "BatchMode=yes", image); code != exitFault || !strings.Contains(said, "ssh cannot log in on root@127.0.0.1") {
		t.Errorf("exit status %d; %q", code, said)
	}
}
