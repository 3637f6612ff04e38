package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"bantam/printable"
)

// OpenWrt is a machine that runs OpenWrt and shall run Bantam: its own sysupgrade writes the first image.
type OpenWrt struct {
	*Connection
	Board   string // as OpenWrt calls it, e.g. gnubee,gb-pc1
	Model   string // for people
	Release string // likewise
	Room    int64  // bytes that are free in /tmp, which lies in memory
	Memory  int64  // bytes that programs may still take

	user, sysupgrade, bantam, sums string
}

// Errors of a machine that no first image is for.
var (
	ErrBantam     = errors.New("it runs Bantam already")
	ErrNotOpenWrt = errors.New("it does not run OpenWrt")
)

// lookAround has a machine say what it is, a word a line. What is not there says nothing.
const lookAround = `echo board=$(cat /tmp/sysinfo/board_name 2>/dev/null)
echo model=$(cat /tmp/sysinfo/model 2>/dev/null)
echo release=$(. /etc/openwrt_release 2>/dev/null; echo "$DISTRIB_DESCRIPTION")
echo user=$(id -u)
echo sysupgrade=$(command -v sysupgrade)
echo bantam=$(command -v bantam)
echo sums=$(command -v sha256sum)
echo room=$(df -Pk /tmp | while read -r fs all used free rest; do echo "$free"; done | tail -n 1)
while read -r key value rest; do [ "$key" != MemAvailable: ] || echo memory=$value; done < /proc/meminfo`

// MeetOpenWrt logs in on a machine and asks what it is. The error is ErrBantam or ErrNotOpenWrt where there is nothing to install.
func MeetOpenWrt(ctx context.Context, client Client, host string) (*OpenWrt, error) {
	conn, err := client.Dial(ctx, host)
	if err != nil {
		return nil, err
	}
	o := &OpenWrt{Connection: conn}
	var text string
	if err = conn.ask(ctx, lookAround, nil, &text); err == nil {
		err = o.read(text)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("%s: %w", host, err)
	}
	return o, nil
}

func (o *OpenWrt) read(text string) error {
	words := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		words[key] = printable.Escape(value)
	}
	o.Board, o.Model, o.Release = words["board"], words["model"], words["release"]
	o.user, o.sysupgrade, o.bantam, o.sums = words["user"], words["sysupgrade"], words["bantam"], words["sums"]
	kib := func(key string) int64 {
		n, err := strconv.ParseInt(words[key], 10, 64)
		if err != nil {
			return -1 // it does not say
		}
		return n << 10
	}
	o.Room, o.Memory = kib("room"), kib("memory")
	switch {
	case o.bantam != "":
		return ErrBantam
	case o.Board == "" || o.sysupgrade == "":
		return ErrNotOpenWrt
	case o.user != "0":
		return fmt.Errorf("user %s may not write its flash: log in as root", o.user)
	case o.sums == "":
		return errors.New("it has no sha256sum, so nobody would know whether the image arrives whole")
	}
	return nil
}

// spare is what sysupgrade itself needs beside an image that lies in memory, in bytes.
const spare = 4 << 20

// Refuse says why an image for devices that OpenWrt calls so is none for it, nil if nothing speaks against it.
func (o *OpenWrt) Refuse(devices []string) error {
	switch {
	case len(devices) == 0:
		return fmt.Errorf("the image does not say for which of OpenWrt's boards it is, and this is %s", o.Board)
	case !slices.Contains(devices, o.Board):
		return fmt.Errorf("it is board %s, and the image is for %s", o.Board, strings.Join(devices, ", "))
	}
	return nil
}

// RefuseSize says whether it has no memory for an image: that nothing overrides.
func (o *OpenWrt) RefuseSize(size int64) error {
	for _, free := range []struct {
		bytes int64
		where string
	}{{o.Room, "in /tmp"}, {o.Memory, "of its memory"}} {
		if free.bytes >= 0 && free.bytes < size+spare {
			return fmt.Errorf("%d bytes are free %s, and image and sysupgrade need %d: stop what takes memory there, or reboot it first", free.bytes, free.where, size+spare)
		}
	}
	return nil
}

// uploaded is where an image lies there.
const uploaded = "/tmp/bantam-firmware.bin"

// Upload brings an image there: OpenWrt's dropbear has no sftp, so through cat. What has arrived is compared by its sum.
func (o *OpenWrt) Upload(ctx context.Context, image io.Reader) error {
	sum := sha256.New()
	status, said, err := o.Run(ctx, "cat > "+uploaded, io.TeeReader(image, sum), io.Discard)
	if err == nil && status != 0 {
		err = &RemoteError{"cat", status, said}
	}
	if err != nil {
		o.Forget()
		return fmt.Errorf("sending the image: %w", err)
	}
	var answer string
	if err := o.ask(ctx, "sha256sum "+uploaded, nil, &answer); err != nil {
		return fmt.Errorf("summing up the image there: %w", err)
	}
	if got, _, _ := strings.Cut(answer, " "); got != hex.EncodeToString(sum.Sum(nil)) {
		o.Forget()
		return errors.New("the image has not arrived whole: its sum there is another")
	}
	return nil
}

// forgetLimit is how long removing a file may take where the person does not want to wait any more.
const forgetLimit = 10 * time.Second

// Forget removes what was uploaded.
func (o *OpenWrt) Forget() {
	ctx, end := context.WithTimeout(context.Background(), forgetLimit)
	defer end()
	_, _, _ = o.Run(ctx, "rm -f "+uploaded, nil, io.Discard) // it lies in memory
}

// Test has its sysupgrade look at the image, and changes nothing.
func (o *OpenWrt) Test(ctx context.Context) error {
	var out answer
	status, said, err := o.Run(ctx, "sysupgrade -T "+uploaded+" 2>&1", nil, &out)
	if err != nil {
		return err
	}
	if status != 0 {
		said += string(out.text)
		var t tail
		_, _ = t.Write([]byte(said))
		return &RemoteError{"sysupgrade", status, t.String()}
	}
	return nil
}

// Upgrade has it write the image. Where that begins, the connection breaks, and nil is returned.
func (o *OpenWrt) Upgrade(ctx context.Context, force bool) error {
	command := "sysupgrade -n " + uploaded
	if force {
		command = "sysupgrade -F -n " + uploaded
	}
	var t tail
	status, said, err := o.Run(ctx, command+" 2>&1", nil, &t)
	switch {
	case errors.Is(err, ErrLost), err == nil && status == 0:
		return nil
	case err != nil:
		return err
	}
	return &RemoteError{"sysupgrade", status, strings.TrimPrefix(said+"; "+t.String(), "; ")}
}

// Came is what was seen of a machine after its first image was written.
type Came struct {
	Status Status // of Bantam there; empty where it lets nobody in
	Key    string // its SSH host key, e.g. SHA256:...; "": it never answered
	In     bool   // one can log in
}

// Await waits until Bantam answers on a host, whose host key nobody knows yet: it is believed only to be told.
func (c Client) Await(ctx context.Context, host string, limit time.Duration) (came Came, err error) {
	dir, err := os.MkdirTemp("", "bantam-known-")
	if err != nil {
		return came, err
	}
	defer os.RemoveAll(dir)
	known := filepath.Join(dir, "hosts")
	quiet := Client{Stderr: io.Discard, Options: append([]string{"-o", "UserKnownHostsFile=" + known, "-o", "GlobalKnownHostsFile=/dev/null",
		"-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes"}, c.Options...)} // of two the first holds
	ctx, end := context.WithTimeout(ctx, limit)
	defer end()
	away := false
	for {
		conn, err := quiet.Dial(ctx, host)
		key := knownKey(known)
		login := new(LoginError)
		switch {
		case err == nil:
			s, err := conn.status(ctx)
			old, _, lost := conn.Run(ctx, "test -e /etc/openwrt_release", nil, io.Discard)
			conn.Close()
			if err == nil && s.Board != "" {
				return Came{s, key, true}, nil
			}
			if away && lost == nil && old == 0 {
				return came, errors.New("it is back, and runs OpenWrt still: its sysupgrade has not written the image; `logread` there may say why")
			}
			_ = os.Remove(known) // it may be the old system still
		case errors.As(err, &login) && strings.Contains(login.Said, "Permission denied"):
			if came.Key = key; away {
				return came, nil
			}
		case errors.As(err, &login):
			away = true
		}
		select {
		case <-ctx.Done():
			if err := context.Cause(ctx); !errors.Is(err, context.DeadlineExceeded) {
				return came, err
			}
			return came, fmt.Errorf("in %v nothing of Bantam was heard from %s: it may have another address now; its console shows it", limit, host)
		case <-time.After(pause):
		}
	}
}

// knownKey is the fingerprint of the key in a file of known hosts with one line.
func knownKey(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(text))
	if len(fields) < 3 {
		return ""
	}
	raw, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}
