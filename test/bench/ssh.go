package main

import (
	"context"
	"crypto/ed25519"
	_ "embed"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/u-root/u-root/pkg/cpio"
	"golang.org/x/crypto/ssh"
)

//go:embed guest/login.sh
var loginScript []byte

// A login is what it takes from a connection to the prompt of the shell, in ms of a machine without a second processor.
type login struct {
	Server string  `json:"server"`
	Whole  float64 `json:"whole_ms"`  // the client's part included
	Client float64 `json:"client_ms"` // of that, the client's own work
}

// logins measures them in a machine where both servers are, of one user with one key and one shell.
func (in inputs) logins(ctx context.Context) (list []login, versions []string, err error) {
	packages, err := in.archive.Packages(ctx, "busybox-static", "dropbear-bin", "libc6", "libcrypt1", "libtomcrypt1", "libtommath1", "zlib1g", "libgmp10")
	if err != nil {
		return nil, nil, err
	}
	var records []cpio.Record
	root := tree{records: &records}
	for _, p := range packages {
		root.from = append(root.from, p.Dir)
	}
	if err := root.programs("usr/sbin/dropbear"); err != nil {
		return nil, nil, err
	}
	records[0].Name = "bench/dropbear"
	program, err := os.ReadFile(packages["busybox-static"].Dir + "/bin/busybox")
	if err != nil {
		return nil, nil, err
	}
	private, public, err := keyPair()
	if err != nil {
		return nil, nil, err
	}
	client := filepath.Join(in.scratch, "login")
	build := exec.CommandContext(ctx, "go", "build", "-o", client, "./test/bench/guest/login")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+in.board.Arch)
	if text, err := build.CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("go build: %w\n%s", err, text)
	}
	own, err := os.ReadFile(client)
	if err != nil {
		return nil, nil, err
	}
	system := fmt.Sprintf("[user.root]\nauthorized_keys = [%q]\n[service.measure]\ncommand = [\"/bench/login.sh\"]\nrestart = \"never\"\nneeds = [\"network\"]\n", public)
	g, err := in.compose(ctx, "logins", []byte(system), append(records,
		cpio.StaticFile("bench/busybox", string(program), 0o755), cpio.StaticFile("bench/login.sh", string(loginScript), 0o755),
		cpio.StaticFile("bench/login", string(own), 0o755),
		cpio.StaticFile("bench/key", private, 0o600), cpio.StaticFile("bench/key.pub", public, 0o644)))
	if err != nil {
		return nil, nil, err
	}
	said, err := in.boot(ctx, g)
	if err != nil {
		return nil, nil, err
	}
	list, err = said.logins()
	return list, []string{"dropbear " + packages["dropbear-bin"].Version}, err
}

// keyPair is a private key of OpenSSH's form and the line of its public one.
func keyPair() (private, public string, err error) {
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", "", err
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		return "", "", err
	}
	line, err := ssh.NewPublicKey(pub)
	if err != nil {
		return "", "", err
	}
	return string(pem.EncodeToMemory(block)), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(line))), nil
}

var loginLine = regexp.MustCompile(`^bench: login (\w+) (\d+) (\d+)$`)

// logins are the medians by server, in order of the first.
func (r record) logins() (list []login, err error) {
	whole, client := map[string][]float64{}, map[string][]float64{}
	for _, e := range r.log {
		m := loginLine.FindStringSubmatch(e.text)
		if m == nil {
			continue
		}
		if whole[m[1]] == nil {
			list = append(list, login{Server: m[1]})
		}
		for i, to := range []map[string][]float64{whole, client} {
			n, _ := strconv.Atoi(m[2+i])
			to[m[1]] = append(to[m[1]], float64(n)/1000)
		}
	}
	if len(list) < 2 {
		return nil, fmt.Errorf("%d servers have let somebody in, want 2; see --keep", len(list))
	}
	for i, l := range list {
		list[i].Whole, list[i].Client = median(whole[l.Server]), median(client[l.Server])
	}
	return list, nil
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

func (r *report) printLogins(w io.Writer) {
	fmt.Fprintf(w, "SSH from connection to prompt; %s:\n\n", r.LoginVersions[0])
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\twhole, ms\twithout the client's work, ms\t\n")
	for _, l := range r.Logins {
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t\n", l.Server, l.Whole, l.Whole-l.Client)
	}
	t.Flush()
	fmt.Fprintln(w)
}
