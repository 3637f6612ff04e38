package pid1

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"bantam/init/control"
	"bantam/init/supervise"
	"bantam/system"
)

// secretsPath is where the secrets' values lie.
const secretsPath = statePath + "/secrets"

// Secret is the value that a secret has now.
func (m *Machine) Secret(name string) ([]byte, error) { return m.secrets.Value(name) }

// complete gives a service's process what its definition does not hold. It is asked by the supervisor's loop, which waits
// for no disk: what a switch has read, or somebody has set since, is in memory.
func (m *Machine) complete(def supervise.Definition) (env []string, err error) {
	if def.Name == system.TimeService && m.timeUnknown() {
		return nil, supervise.Lack("a time server: neither [time] nor DHCP names one")
	}
	for _, folder := range def.State {
		if !m.state.kept(folder) {
			return nil, supervise.Lack("state " + folder)
		}
	}
	for _, variable := range slices.Sorted(maps.Keys(def.Secrets)) {
		name := def.Secrets[variable]
		value, known := m.secrets.Known(name)
		switch {
		case !known:
			return nil, supervise.Lack("secret " + name + ", which is not set")
		case bytes.IndexByte(value, 0) >= 0:
			return nil, supervise.Lack("secret " + name + " without a zero byte")
		}
		env = append(env, variable+"="+string(bytes.TrimSuffix(value, []byte("\n")))) // as $(cat FILE) does
	}
	return env, nil
}

// variables are the texts of a service's environment, and the secrets.
func variables(env map[string]system.Value) (texts, secrets map[string]string) {
	for name, value := range env {
		into := &texts
		if value.Secret != "" {
			into, value.Text = &secrets, value.Secret
		}
		if *into == nil {
			*into = map[string]string{}
		}
		(*into)[name] = value.Text
	}
	return texts, secrets
}

// setSecret takes a value from a client. It is put into no answer, error or log.
func (p *initProcess) setSecret(req control.Request, c *control.Client) control.Frame {
	defer clear(req.Text)
	if len(req.Names) != 1 {
		return failure(errors.New("set which secret?"))
	}
	name := req.Names[0]
	if err := p.machine.secrets.Set(name, req.Text); err != nil {
		return failure(err)
	}
	Logf(Notice, "secret %s was set", name)
	text := "secret " + name + " is set; "
	if used := p.usersOf(name); len(used) == 0 {
		text += "what runs does not use it"
	} else {
		text += "`bantam switch` gives it to " + control.Words(used)
	}
	c.Write(control.Frame{Line: text})
	if !p.lasting() {
		c.Write(control.Frame{Line: "the next boot forgets it: the state is " + p.storage()})
	}
	return control.Frame{}
}

func (p *initProcess) removeSecret(req control.Request, c *control.Client) control.Frame {
	if len(req.Names) != 1 {
		return failure(errors.New("remove which secret?"))
	}
	name := req.Names[0]
	if err := p.machine.secrets.Remove(name); errors.Is(err, fs.ErrNotExist) {
		return failure(fmt.Errorf("there is no secret %s", name))
	} else if err != nil {
		return failure(err)
	}
	Logf(Notice, "secret %s was removed", name)
	c.Write(control.Frame{Line: "secret " + name + " is removed"})
	return control.Frame{}
}

// listSecrets lists those that are set, and those that what runs lacks.
func (p *initProcess) listSecrets() control.Frame {
	all, err := p.machine.secrets.List()
	if err != nil {
		return failure(err)
	}
	set := map[string]time.Time{}
	for _, e := range all {
		set[e.Name] = e.Set
	}
	for _, use := range p.machine.runs().Secrets() {
		set[use.Secret] = set[use.Secret] // zero where it is not set
	}
	list := []control.Secret{}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		list = append(list, control.Secret{Name: name, Set: set[name], UsedBy: p.usersOf(name)})
	}
	return control.Reply(list)
}

// usersOf are the services and files of what runs that use the secret.
func (p *initProcess) usersOf(secret string) []string {
	var users []string
	for _, use := range p.machine.runs().Secrets() {
		user := "file " + use.File
		switch {
		case use.Service != "":
			user = "service " + use.Service
		case use.Session != "":
			user = "port " + use.Session
		case use.Net != "":
			user = "net " + use.Net
		}
		if use.Secret == secret && !slices.Contains(users, user) {
			users = append(users, user)
		}
	}
	return users
}
