package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// path names a file in the private root.
func (a *Archive) path(elem ...string) string {
	root := a.Release + "-" + a.Arch
	if a.Component != "" {
		root += "-" + a.Component
	}
	return filepath.Join(append([]string{a.CacheDir, "apt", root}, elem...)...)
}

// writeSources makes the private root. Lists that were fetched from other sources count no longer.
func (a *Archive) writeSources() error {
	if _, err := os.Stat(debianKeyring); err != nil {
		return fmt.Errorf("%w; install the Debian package debian-archive-keyring", err)
	}
	for _, dir := range []string{"lists/partial", "archives/partial", "empty"} {
		if err := os.MkdirAll(a.path(dir), 0o755); err != nil {
			return fmt.Errorf("apt's private root: %w", err)
		}
	}
	sources, err := debianSources("/etc/apt", a.Release, a.Component, a.AllowExpired, !a.NoUpdates)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(a.path("sources.list")); err == nil && string(old) == sources {
		return nil
	}
	if err := os.RemoveAll(a.path("updated")); err != nil {
		return fmt.Errorf("apt's private root: %w", err)
	}
	if err := writeText(a.path("status"), ""); err != nil { // nothing is installed
		return err
	}
	return writeText(a.path("sources.list"), sources)
}

func writeText(path, text string) error {
	return WriteFileAtomic(path, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// config is the private root's apt.conf. It is named by APT_CONFIG, which apt reads first, so it
// can turn off the host's own files, whose hooks expect root and the host's paths. Only how the host
// reaches the network is taken over; what is verified is said here, whatever the host does without.
func (a *Archive) config(ctx context.Context) (string, error) {
	host, err := exec.CommandContext(ctx, "apt-config", "dump").Output()
	if err != nil {
		return "", fmt.Errorf("apt-config dump: %w", err)
	}
	var b strings.Builder
	for _, s := range [][2]string{
		{"Dir::State", a.path()},
		{"Dir::State::lists", a.path("lists")},
		{"Dir::State::status", a.path("status")},
		{"Dir::Cache", a.path()},
		{"Dir::Cache::archives", a.path("archives")},
		{"Dir::Etc::main", "/dev/null"},
		{"Dir::Etc::parts", a.path("empty")},
		{"Dir::Etc::sourcelist", a.path("sources.list")},
		{"Dir::Etc::sourceparts", a.path("empty")},
		{"Dir::Etc::preferences", "/dev/null"},
		{"Dir::Etc::preferencesparts", a.path("empty")},
		{"Dir::Etc::trusted", "/dev/null"},
		{"Dir::Etc::trustedparts", a.path("empty")},
		{"APT::Architecture", a.Arch},
		{"APT::Architectures", a.Arch},
		{"APT::Sandbox::User", "root"}, // for root only: user _apt may not enter /root/.cache
		{"Acquire::Languages", "none"},
		{"Acquire::Retries", "1"},
		{"Acquire::Check-Valid-Until", "true"},
		{"Acquire::Check-Date", "true"},
		{"Acquire::AllowInsecureRepositories", "false"},
		{"Acquire::AllowWeakRepositories", "false"},
		{"Acquire::AllowDowngradeToInsecureRepositories", "false"},
		{"Acquire::https::Verify-Peer", "true"},
		{"Acquire::https::Verify-Host", "true"},
		{"APT::Get::AllowUnauthenticated", "false"},
	} {
		fmt.Fprintf(&b, "%s %q;\n", s[0], s[1])
	}
	b.WriteString(hostNetwork(string(host)))
	return b.String(), nil
}

// retryPauses are the waits between attempts at what a busy mirror refuses.
var retryPauses = []time.Duration{2 * time.Second, 10 * time.Second, 30 * time.Second}

// retry runs a command of apt again while the mirror is in the middle of its own update:
// then a list and what it names do not fit together for some seconds.
func (a *Archive) retry(ctx context.Context, dir, command string, args ...string) (string, error) {
	for attempt := 0; ; attempt++ {
		out, err := a.apt(ctx, dir, command, args...)
		if err == nil || attempt == len(retryPauses) || !passing(err.Error()) {
			return out, err
		}
		a.Progress.Step("the mirror is being updated, waiting %v", retryPauses[attempt])
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(retryPauses[attempt]):
		}
	}
}

// passing tells errors of apt that go away by themselves.
func passing(message string) bool {
	for _, s := range []string{"Mirror sync in progress", "Hash Sum mismatch", "File has unexpected size"} {
		if strings.Contains(message, s) {
			return true
		}
	}
	return false
}

// apt runs a command of apt in the private root; its error carries what apt said.
func (a *Archive) apt(ctx context.Context, dir, command string, args ...string) (string, error) {
	if !a.configured { // anew each time: the host's proxy may be another one, and the cache elsewhere
		config, err := a.config(ctx)
		if err != nil {
			return "", err
		}
		if err := writeText(a.path("apt.conf"), config); err != nil {
			return "", err
		}
		a.configured = true
	}
	cmd := exec.CommandContext(ctx, command, append([]string{"-q"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "APT_CONFIG="+a.path("apt.conf"), "LC_ALL=C")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", fmt.Errorf("%w; install the Debian package apt", err)
		}
		return "", aptError(command, args, err, aptErrors(stderr.String()))
	}
	return stdout.String(), nil
}

// errUnreachable: no archive answers.
var errUnreachable = errors.New("Debian's archive cannot be reached; without network there is bantam build --vendor DIR, of what bantam vendor has saved")

// unreachable is what apt says of a server that does not answer: "Failed to fetch URL  REASON". An archive that answers, and
// has not what was asked for, says a number.
var unreachable = regexp.MustCompile(`Failed to fetch (\S+)\s+((?:Could not|Unable to|Cannot|Temporary failure|Connection|Network is)[^;]*)`)

// aptError says what apt could not do. What a person can mend is said in their words.
func aptError(command string, args []string, err error, said string) error {
	if strings.Contains(said, "No space left on device") || strings.Contains(said, "enough free space") {
		return fmt.Errorf("%s %s: %w", command, strings.Join(args, " "), syscall.ENOSPC)
	}
	if m := unreachable.FindStringSubmatch(said); m != nil && !strings.Contains(said, "404") {
		return fmt.Errorf("%w (%s: %s)", errUnreachable, m[1], strings.TrimSpace(m[2]))
	}
	return fmt.Errorf("%s %s: %w: %s", command, strings.Join(args, " "), err, said)
}

// aptErrors keeps apt's error lines, or all it said if there are none.
func aptErrors(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "E: ") || strings.HasPrefix(line, "  ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) == 0 {
		return strings.TrimSpace(text)
	}
	return strings.Join(lines, "; ")
}
