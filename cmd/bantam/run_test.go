package main

import (
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "512M": 512 << 20, "1G": 1 << 30, "2T": 2 << 40, "3K": 3072} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "G", "-1", "0", "1.5G", "1GB", "1 G", "99999999T", "9223372036854775808"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("parseSize(%q) = %d, want an error", text, got)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		args   []string
		code   int
		errors string
	}{
		{"a board that is not there", []string{"--board", "toaster"}, exitUsage, `no board "toaster"`},
		{"a size that is none", []string{"--disk", "big"}, exitUsage, `--disk: size "big"`},
		{"negative memory", []string{"--memory", "-1"}, exitUsage, "--memory: -1 MiB"},
		{"a way to run instructions that there is not", []string{"--accel", "hax"}, exitUsage, "--accel hax: want auto, kvm or tcg"},
		{"two firmwares", []string{"--bios", "--uefi"}, exitUsage, "--bios and --uefi exclude each other"},
		{"BIOS on a board without", []string{"--bios", "--board", "qemu-arm64"}, exitFault, "starts by UEFI only"},
		{"UEFI on a board that U-Boot starts", []string{"--uefi", "--board", "qemu-arm64-uboot"}, exitFault, "starts by U-Boot only"},
		{"two images", []string{"a.img", "b.img"}, exitUsage, "want one IMAGE, got b.img too"},
		{"two images and an argument for QEMU", []string{"a.img", "b.img", "--", "-s"}, exitUsage, "want one IMAGE, got b.img too"},
		{"a CD whose disk is to be kept", []string{"a.iso", "--keep", "disk"}, exitUsage, "--keep and an ISO image exclude each other"},
		{"a port that is none", []string{"--ssh=0"}, exitUsage, "for -ssh: want a port, 1 to 65535"},
		{"a port for an image", []string{"--ssh", "2222"}, exitUsage, "--ssh 2222: write --ssh=2222"},
		{"a port of a network that is not ours", []string{"a.img", "--ssh", "--", "-nic", "none"}, exitFault, "--ssh forwards a port of the default network, which that of -nic none replaces"},
		{"what is no image", []string{"run.go"}, exitFault, "run.go is no image of a disk"},
		{"an image that is not there says how to make one", []string{"/nonexistent.img"}, exitFault, "no such file or directory; make an image: bantam build --board pc SYSTEM.toml"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bantam("", append([]string{"run"}, test.args...)...).expect(t, test.code, "", test.errors)
		})
	}
}

// Which program is started, and with what, is seen by one that takes its place.
func TestRunStartsQEMU(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\necho \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "qemu-system-x86_64"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	image := filepath.Join(dir, "pc.img")
	for _, path := range []string{image, filepath.Join(dir, "pc.iso")} {
		content := make([]byte, 16*2048+6)
		copy(content[510:], "\x55\xaa")
		copy(content[16*2048:], "\x01CD001")
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept := filepath.Join(dir, "disk")
	r := bantam("", "run", image, "--disk", "2M", "--keep", kept, "--memory", "99", "--", "-nic", "none")
	r.expect(t, exitOK, "-m 99 ", "Ctrl-A X")
	r.expect(t, exitOK, "file="+kept, "Ctrl-A X")
	r.expect(t, exitOK, "-nic none", "Ctrl-A X")
	r.expect(t, exitOK, "-nic none", "The machine's network is that of -nic none; the default, -nic user,model=virtio-net-pci, is left out.")
	bantam("", "run", image, "--accel", "tcg").expect(t, exitOK, "-accel tcg ", "Ctrl-A X")
	reached := bantam("", "run", image, "--ssh")
	port := regexp.MustCompile(`hostfwd=tcp:127\.0\.0\.1:([1-9][0-9]*)-:22 `).FindStringSubmatch(reached.out)
	if port == nil {
		t.Errorf("with --ssh QEMU is given %q", reached.out)
	} else {
		reached.expect(t, exitOK, "-nic user,", "To log in once the machine is up: ssh -p "+port[1]+" root@127.0.0.1\n")
	}
	own := bantam("", "run", image, "--accel", "tcg", "--", "-accel", "kvm,kernel-irqchip=off")
	own.expect(t, exitOK, "-accel kvm,kernel-irqchip=off", "Ctrl-A X")
	if strings.Contains(own.out, "-accel tcg") {
		t.Errorf("beside an -accel of the user's own QEMU is given %q", own.out)
	}
	if info, err := os.Stat(kept); err != nil || info.Size() != 2<<20 {
		t.Errorf("the machine's disk: %v, want one of 2 MiB", err)
	}
	bantam("", "run", image, "--keep", dir).expect(t, exitFault, "", "name a file, e.g. "+filepath.Join(dir, "pc.disk"))
	bantam("", "run", image, "--keep", image).expect(t, exitFault, "", "pc.img is the image itself")
	nowhere := filepath.Join(dir, "nowhere")
	bantam("", "run", image, "--keep", filepath.Join(nowhere, "disk")).expect(t, exitFault, "", "the folder of the machine's disk: stat "+nowhere)
	if _, err := os.Stat(nowhere); err == nil {
		t.Error("a mistyped folder was made")
	}
	bantam("", "run", image, "--disk", "3K").expect(t, exitFault, "", "a disk of 3,072 bytes (--disk) is too small for "+image+", which has 32,774")
	bantam("", "run", filepath.Join(dir, "pc.iso")).expect(t, exitOK, "media=cdrom,readonly=on,file="+filepath.Join(dir, "pc.iso"), "Ctrl-A X")
	bantam("", "run", image, "--", "-monitor", "none").expect(t, exitOK, "-monitor none -nographic -chardev stdio,id=bantam,mux=on,signal=off -serial chardev:bantam\n", "Ctrl-A X")
	bantam("", "run", image, "--", "-monitor", "stdio").expect(t, exitFault, "", "-monitor stdio: the terminal has the machine's serial console; without a -monitor, QEMU's is there behind Ctrl-A C")
	elsewhere := bantam("", "run", image, "--", "-serial", "file:log")
	elsewhere.expect(t, exitOK, "-serial file:log -nographic\n", "The machine's serial console is that of -serial file:log.")
	if strings.Contains(elsewhere.errors, "Ctrl-A X") {
		t.Errorf("without a console on the terminal it says %q", elsewhere.errors)
	}
}

// A connection that is lost ends the machine and leaves none of its files.
func TestHangUpCleansUp(t *testing.T) {
	lost := syscall.SIGHUP
	if signal.Ignored(lost) { // by nohup, as it is to stay
		lost = syscall.SIGTERM
	}
	dir, temporary := t.TempDir(), t.TempDir()
	script := "#!/bin/sh\n: > " + dir + "/started\nexec sleep 60\n"
	if err := os.WriteFile(filepath.Join(dir, "qemu-system-x86_64"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("TMPDIR", temporary)
	image := filepath.Join(dir, "pc.img")
	if err := os.WriteFile(image, append(make([]byte, 510), "\x55\xaa"...), 0o644); err != nil {
		t.Fatal(err)
	}
	ended := make(chan result)
	go func() { ended <- bantam("", "run", image) }()
	for {
		select {
		case r := <-ended:
			t.Fatalf("it ended by itself: %+v", r)
		case <-time.After(10 * time.Millisecond):
		}
		if _, err := os.Stat(filepath.Join(dir, "started")); err == nil {
			break
		}
	}
	if err := syscall.Kill(os.Getpid(), lost); err != nil {
		t.Fatal(err)
	}
	r := <-ended
	r.expect(t, exitFault, "", "interrupted")
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v (%v)", left, err)
	}
}
