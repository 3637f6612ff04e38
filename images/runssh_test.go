package images

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

const adasKey = `authorized_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"]` + "\n"

// Where the machine listens and who may log in is known of an image whose store is beside it.
func TestWhatIsForwardedForSSH(t *testing.T) {
	dir := t.TempDir()
	in := testInputs(t, dir)
	for _, test := range []struct {
		name, system string // "": an image alone
		server       int
		says         string
	}{
		{"an image alone", "", 22, "To log in once the machine is up: ssh -p PORT root@127.0.0.1\n"},
		{"no keys", "hostname = \"x\"\n", 22, "Nobody can log in by SSH as long as no user has authorized_keys; then: ssh -p PORT USER@127.0.0.1\n"},
		{"a port and two users", "[ssh]\nport = 2200\n[user.root]\n" + adasKey + "[user.ada]\nuid = 1000\n" + adasKey, 2200,
			"To log in once the machine is up: ssh -p PORT ada@127.0.0.1\nTo log in once the machine is up: ssh -p PORT root@127.0.0.1\n"},
	} {
		o := RunOptions{Board: in.Board, Image: filepath.Join(filepath.Dir(in.Store), "pc.img"), SSH: true}
		if test.system == "" {
			o.Image = filepath.Join(dir, "alone", "pc.img")
		} else {
			in.System = []byte(test.system)
			mustCompose(t, in)
		}
		f, err := o.forwardSSH()
		if err != nil || f.port == 0 || f.server != test.server {
			t.Errorf("%s: from port %d to %d (%v), want to %d", test.name, f.port, f.server, err, test.server)
		}
		if got := regexp.MustCompile(`-p [0-9]+ `).ReplaceAllString(f.about(), "-p PORT "); got != test.says {
			t.Errorf("%s: says %q, want %q", test.name, got, test.says)
		}
	}
}

func TestAPortThatIsTakenIsToldBeforeTheMachineStarts(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var said bytes.Buffer
	err = kvmHost(time.Hour).run(context.Background(), RunOptions{
		Board: loadBoard(t, "pc"), Image: fakeQEMU(t, "exit 0"), DiskSize: 1 << 20, SSH: true, SSHPort: l.Addr().(*net.TCPAddr).Port, Stderr: &said,
	})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()+": bind: address already in use") || said.Len() > 0 {
		t.Errorf("%v, said %q", err, said.String())
	}
}

// The line is told when the machine answers: not by one that takes a connection and is silent, nor by one that hangs up.
func TestTheLineForKnownHosts(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	server := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
		t.Error("it tries to log in")
		return nil, net.ErrClosed
	}}
	server.AddHostKey(signer)
	go func() {
		for i := 0; ; i++ {
			conn, err := l.Accept()
			switch {
			case err != nil:
				return
			case i == 0: // silent until the client gives up
				defer conn.Close()
			case i == 1:
				conn.Close()
			default:
				ssh.NewServerConn(conn, server)
				conn.Close()
			}
		}
	}()
	var out bytes.Buffer
	f := sshForward{port: l.Addr().(*net.TCPAddr).Port}
	f.tellHostKey(context.Background(), &out, 10*time.Millisecond)
	want := "\r\n[127.0.0.1]:" + l.Addr().String()[len("127.0.0.1:"):] + " " + string(ssh.MarshalAuthorizedKey(signer.PublicKey()))
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// A machine that ends is not waited for by who asks for its host key, be it silent or not there.
func TestAskingForTheHostKeyEndsWithTheMachine(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, end := context.WithCancel(context.Background())
	taken := make(chan bool)
	go func() {
		if conn, err := l.Accept(); err == nil {
			defer conn.Close()
		}
		end()
		<-taken
	}()
	_, err = knownHost(ctx, l.Addr().String(), time.Hour)
	close(taken)
	if err == nil {
		t.Error("a silent server has told its key")
	}
	l.Close()
	var out bytes.Buffer
	sshForward{port: l.Addr().(*net.TCPAddr).Port}.tellHostKey(ctx, &out, 10*time.Millisecond)
	if out.Len() > 0 {
		t.Errorf("of a machine that has ended it says %q", out.String())
	}
}
