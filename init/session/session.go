// Package session is what a person's programs run as: the accounts of the machine as its files have them, whether a password is
// one's, and the environment of a shell or a command.
//
// Who has a terminal, or a connection, of a person whom it knows, asks Find for the account, Login or Command for the
// definition, and either has PID 1's supervisor start that in a control group of its own, or becomes it by supervise.Become.
package session

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"bantam/init/supervise"
	"bantam/system"
	"bantam/yescrypt"
)

// ErrNoUser is what Find gives for a name that nobody has.
var ErrNoUser = errors.New("no such user")

// Account is a user as the machine's files have it.
type Account struct {
	Name        string
	UID, GID    uint32
	Groups      []uint32 // further ones, sorted
	Home, Shell string
}

// Files are the texts of /etc/passwd, /etc/group and, for root alone, /etc/shadow.
type Files struct{ Passwd, Group, Shadow string }

// ReadFiles reads them; what may not be read is empty.
func ReadFiles() Files {
	text := func(name string) string {
		b, _ := os.ReadFile(name) // in /etc, which is root's
		return string(b)
	}
	return Files{text("/etc/passwd"), text("/etc/group"), text("/etc/shadow")}
}

// Find is the account of a name.
func (f Files) Find(name string) (Account, error) {
	for fields := range Fields(f.Passwd, 7) {
		uid, uidErr := strconv.ParseUint(fields[2], 10, 32)
		gid, gidErr := strconv.ParseUint(fields[3], 10, 32)
		if fields[0] != name || uidErr != nil || gidErr != nil {
			continue
		}
		a := Account{Name: name, UID: uint32(uid), GID: uint32(gid), Home: fields[5], Shell: fields[6]}
		for group := range Fields(f.Group, 4) {
			gid, err := strconv.ParseUint(group[2], 10, 32)
			if err == nil && slices.Contains(strings.Split(group[3], ","), name) {
				a.Groups = append(a.Groups, uint32(gid))
			}
		}
		slices.Sort(a.Groups)
		return a, nil
	}
	return Account{}, ErrNoUser
}

// Fields yields those of each line of such a file that has at least n.
func Fields(text string, n int) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(text) {
			if f := strings.Split(strings.TrimSuffix(line, "\n"), ":"); len(f) >= n && !yield(f) {
				return
			}
		}
	}
}

// Password says whether a password is that of the account of a name. It takes as long for a name that nobody has, and for one
// without a password, as for others, and at most 16 MiB of memory.
func (f Files) Password(name string, password []byte) (Account, bool) {
	var hash yescrypt.Hash
	some := yescrypt.Hash{}
	found, any := false, false
	for fields := range Fields(f.Shadow, 2) {
		h, ok := yescrypt.Parse(fields[1])
		if ok && !any {
			some, any = h, true
		}
		if ok && fields[0] == name {
			hash, found = h, true
		}
	}
	if !found {
		if any {
			some.Of(password)
		} else {
			yescrypt.New(password)
		}
		return Account{}, false
	}
	if !hash.Of(password) {
		return Account{}, false
	}
	a, err := f.Find(name)
	return a, err == nil
}

// loginShells are the shells that a -l makes a login shell.
var loginShells = []string{"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "fish"}

// Login is the account's shell as a person's who has just come. more are variables beside the usual ones, e.g. TERM=vt102 and
// LANG=C.UTF-8.
func (a Account) Login(more ...string) supervise.Definition {
	def := a.definition(more)
	def.Argv = []string{a.Shell}
	if slices.Contains(loginShells, path.Base(a.Shell)) {
		def.Argv = append(def.Argv, "-l")
	}
	return def
}

// Command is a line that the account's shell runs.
func (a Account) Command(line string, more ...string) supervise.Definition {
	def := a.definition(more)
	def.Argv = []string{a.Shell, "-c", line}
	return def
}

// definition is all but the program: the user without any of root's rights unless it is root, its home (/ where that is not there),
// and no limits but those of all services together.
func (a Account) definition(more []string) supervise.Definition {
	dir := a.Home
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = "/"
	}
	env := []string{"HOME=" + a.Home, "LOGNAME=" + a.Name, "PATH=" + system.SearchPath, "SHELL=" + a.Shell, "USER=" + a.Name}
	return supervise.Definition{Name: fmt.Sprintf("session-%s", a.Name), Env: append(env, more...), Dir: dir, UID: a.UID, GID: a.GID, Groups: a.Groups}
}
