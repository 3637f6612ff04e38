package netcfg

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"bantam/system"
)

// The configurator sees no folder with secrets. It asks for those by name that its tunnels need, with a report, and PID 1
// tells them with the answer, if the system.toml in force names them for a tunnel. Who has taken the configurator over
// learns nothing that the kernel would not tell it: whoever may configure WireGuard may read its keys.

const (
	secretTold = "secret " // begins the line that tells one: its name and, where it is set, its value in base64
	mostNeeds  = 200
	mostSecret = 100 // bytes that are told; a key has 44

	askPause   = 2 * time.Second  // after which is asked again for what has not been told
	unsetPause = 30 * time.Second // likewise, where nobody has set it
)

// secrets are those that the configurator needs.
type secrets struct {
	needs  []string
	values map[string]secretValue
	old    map[string]bool // values of before that have not been told anew
	askAt  time.Duration   // forever: all are known
	asks   bool            // with the next report
}

func newSecrets() secrets { return secrets{values: map[string]secretValue{}, askAt: forever} }

// want takes the names from a system. All are asked for anew, as a value may be another one; until then the one of before
// is used.
func (s *secrets) want(sys *system.System) {
	s.needs, s.askAt = nil, forever
	for _, use := range sys.Secrets() {
		if use.Net != "" && !slices.Contains(s.needs, use.Secret) && len(s.needs) < mostNeeds {
			s.needs = append(s.needs, use.Secret)
		}
	}
	s.old = map[string]bool{}
	for name := range s.values {
		if slices.Contains(s.needs, name) {
			s.old[name] = true
		} else {
			delete(s.values, name)
		}
	}
	s.asks = len(s.needs) > 0
}

// due tells whether it is time to ask again.
func (s *secrets) due(now time.Duration) bool {
	if s.askAt > now {
		return false
	}
	s.asks, s.askAt = true, forever
	return true
}

// ask returns what a report shall ask for.
func (s *secrets) ask(now time.Duration) []string {
	if len(s.needs) == 0 {
		return nil
	}
	if s.asks {
		s.asks, s.askAt = false, now+askPause
		return s.needs
	}
	return nil
}

// current tells whether none of the values may have been replaced since the system was taken.
func (s *secrets) current() bool { return len(s.old) == 0 }

// take reads the line that tells of a secret. changed: there is something to do or to say.
func (s *secrets) take(told string, now time.Duration) (changed bool) {
	name, text, set := strings.Cut(told, " ")
	if !slices.Contains(s.needs, name) {
		return false
	}
	value, err := base64.StdEncoding.DecodeString(text)
	v := secretValue{string(value), set && err == nil}
	had, known := s.values[name]
	waited := s.old[name]
	s.values[name] = v
	delete(s.old, name)
	s.askAt = forever
	for _, need := range s.needs {
		switch v, known := s.values[need]; {
		case !known:
			s.askAt = min(s.askAt, now+askPause)
		case !v.set:
			s.askAt = min(s.askAt, now+unsetPause)
		}
	}
	return !known || v != had || waited && s.current()
}

// tell are the lines that tell of the secrets that the configurator asks for.
func (r *Reports) tell(needs []string) (lines []byte) {
	if r.Secret == nil {
		return nil
	}
	for _, name := range needs[:min(len(needs), mostNeeds)] {
		value, set, known := r.Secret(name)
		if !known {
			continue
		}
		lines = append(append(lines, secretTold...), name...)
		if set {
			lines = base64.StdEncoding.AppendEncode(append(lines, ' '), value[:min(len(value), mostSecret)])
		}
		lines = append(lines, '\n')
	}
	return lines
}
