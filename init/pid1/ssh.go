package pid1

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"bantam/init/control"
	"bantam/init/remote"
	"bantam/init/session"
	"bantam/switcher"
	"bantam/system"
)

const (
	hostKeyPath = statePath + "/ssh-host-key"
	sshLog      = "ssh" // the name under which `bantam log` has what is said of it
	leaveLimit  = 12 * time.Second
)

// prepareSSH makes the server, which listens nowhere before a generation says where.
func (m *Machine) prepareSSH() {
	note := func(text string) { m.sup.Note(sshLog, text) }
	m.hostKey = remote.NewHostKey(hostKeyPath, note, Guard)
	m.remote = remote.New(remote.Options{
		Program: SSHName, SFTP: SFTPName, Hide: []string{statePath, "/root", "/home", "/mnt"},
		Key: m.hostKey, Begin: m.sup.Begin, Note: note, Guard: Guard,
		Log: sync.OnceValue(func() *os.File {
			log, err := m.sup.OpenLog(sshLog)
			if err != nil {
				note(err.Error())
			}
			return log
		}),
	})
}

// endSSH hangs up on everybody, before services stop.
func (p *initProcess) endSSH(ctx context.Context) {
	limit, over := context.WithTimeoutCause(ctx, leaveLimit, fmt.Errorf("not ended within %v", leaveLimit))
	defer over()
	p.machine.remote.Close(limit)
}

// SSH is who may log in now, and who has.
func (m *Machine) SSH() (switcher.Items, map[string]int, error) {
	loggedIn := map[string]int{}
	for _, s := range m.remote.Sessions() {
		loggedIn[s.User+" "+s.Key]++
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reached == nil {
		return nil, loggedIn, nil
	}
	return switcher.SSHItems(m.reached), loggedIn, nil
}

// SetSSH lets the users of sys log in, and nobody else.
func (m *Machine) SetSSH(sys *system.System) error {
	config := remoteConfig(sys)
	if len(config.Accounts) > 0 {
		m.hostKey.Ready() // the first one takes its time
	}
	if err := m.remote.Set(config); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reached = sys
	return nil
}

// remoteConfig is what a system says of it.
func remoteConfig(sys *system.System) remote.Config {
	c := remote.Config{Port: uint16(sys.SSH.Port), Addresses: sys.SSH.ListensAt(), Forward: sys.SSH.Forward, Accounts: map[string]remote.Account{}}
	for _, name := range sys.LogIns() {
		u := sys.Users[name]
		uid, gid := sys.IDs(name)
		a := remote.Account{Account: session.Account{Name: name, UID: uint32(uid), GID: uint32(gid), Groups: sys.GroupsOf(name), Home: u.Home, Shell: u.Shell}}
		for _, line := range u.AuthorizedKeys {
			a.Keys = append(a.Keys, system.KeyFingerprint(line))
		}
		c.Accounts[name] = a
	}
	return c
}

// sshStatus is nil where nobody may log in.
func (p *initProcess) sshStatus() *control.SSH {
	sessions, at := p.machine.remote.Sessions(), p.machine.remote.Listens()
	if len(sessions)+len(at) == 0 {
		return nil
	}
	return &control.SSH{At: at, Fingerprint: p.machine.hostKey.Fingerprint(), Lasting: p.lasting(), Sessions: sessions}
}
