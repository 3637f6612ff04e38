package pid1

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"

	"bantam/init/supervise"
	"bantam/switcher"
	"bantam/system"
)

// Who may work at the consoles: what the generation that runs says; before one does, what the one that starts says, and before it has
// been chosen the image's own. A word on the kernel command line, which only who has the boot loader in his hands can give,
// makes all of them root's.

// loginWord is that word: bantam.login=root.
const loginWord = "bantam.login"

// logins is who may work at the consoles now.
type logins struct {
	open bool // loginWord is given

	mu      sync.Mutex
	console system.Console
	given   bool              // the consoles have been started
	last    map[string]string // login of each that was started last
}

// rule is what the consoles are to be, whatever the system says.
func (l *logins) rule(sys *system.System) system.Console {
	if l.open {
		return system.Console{Login: system.LoginRoot}
	}
	return sys.Console
}

func (l *logins) at(tty string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.console.LoginAt(tty)
}

func (l *logins) set(sys *system.System) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.console = l.rule(sys)
}

// ended notes which consoles end with their definitions, so that they are started when they have one again: also where the switch that
// took it comes no further.
func (l *logins) ended(consoles []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, tty := range consoles {
		if l.given && l.console.LoginAt(tty) == system.LoginNone {
			l.last[tty] = system.LoginNone
		}
	}
}

// changed tells which consoles are to be started, and which started anew; none does so before the first time.
func (l *logins) changed(consoles []string) (start, again []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.given {
		return nil, nil
	}
	for _, tty := range consoles {
		was, is := l.last[tty], l.console.LoginAt(tty)
		switch {
		case was == is:
		case is == system.LoginNone: // its definition is gone, and with that itself
		case was == system.LoginNone || was == "":
			start = append(start, consolePrefix+tty)
		default:
			again = append(again, consolePrefix+tty)
		}
		l.last[tty] = is
	}
	return start, again
}

// Consoles says who may work there.
func (m *Machine) Consoles() (string, error) {
	m.logins.mu.Lock()
	defer m.logins.mu.Unlock()
	return switcher.ConsoleState(m.logins.console), nil
}

// SetConsoles starts the consoles anew that somebody may work at differently; Adopt has defined them.
func (m *Machine) SetConsoles(sys *system.System) error {
	m.logins.set(sys)
	return m.settleConsoles()
}

// settleConsoles starts consoles anew, but none that somebody works at.
func (m *Machine) settleConsoles() error {
	start, again := m.logins.changed(m.consoles)
	if len(again) > 0 {
		states, err := m.sup.States()
		if err != nil {
			return err
		}
		for _, s := range states {
			for _, name := range again {
				if s.Name != name || used(s.PID) {
					continue
				}
				if err := m.sup.Restart(supervise.ByPlan, name); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		}
	}
	if len(start) == 0 {
		return nil
	}
	return m.sup.Start(supervise.ByPlan, start...)
}

// used says whether somebody has touched a console whose process that is: until then it dozes, see supervise.Doze.
func used(pid int) bool {
	if pid == 0 {
		return false
	}
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && !strings.HasPrefix(program, "/memfd:")
}

// chosen is told which system a boot starts.
func (p *initProcess) chosen(sys *system.System) {
	p.machine.logins.set(sys)
	p.defineConsoles(sys)
	p.rescuers(sys)
	if err := p.machine.settleConsoles(); err != nil {
		p.notes.add("consoles: %v", err)
	}
}

// rescuers lets those of a system log in also where its generation does not come up.
func (p *initProcess) rescuers(sys *system.System) {
	if switcher.ConsoleState(sys.Console) == system.LoginRoot {
		return
	}
	if err := WriteUsers(sys); err != nil {
		p.notes.add("%v", err)
	}
}

// imageSystem is that of the boot medium, an empty one if that cannot be read.
func (p *initProcess) imageSystem() *system.System {
	if sys := p.parsedImage(); sys != nil {
		return sys
	}
	return new(system.System)
}

// parsedImage is the boot medium's system, nil if that cannot be read.
func (p *initProcess) parsedImage() *system.System {
	p.parsed.Lock()
	defer p.parsed.Unlock()
	if !p.parsed.done || !bytes.Equal(p.parsed.text, p.image.text) { // another image may have taken its place
		p.parsed.text, p.parsed.system, p.parsed.done = p.image.text, nil, true
		if sys, problems := system.Parse("system.toml", p.image.text); len(problems) == 0 {
			p.parsed.system = sys
		}
	}
	return p.parsed.system
}

// locked says which consoles are no way to the boot menu while the generation of that number, 0 for the image's own, would start:
// those where not everybody is root.
func (p *initProcess) locked(generation int) map[string]bool {
	console := p.machine.logins.rule(p.imageSystem())
	if generation > 0 {
		text, err := p.switcher.Text(generation)
		if err == nil && !bytes.Equal(text, p.image.text) {
			if sys, problems := system.Parse("system.toml", text); len(problems) == 0 {
				console = p.machine.logins.rule(sys)
			}
		}
	}
	locked := map[string]bool{}
	for _, tty := range p.consoles {
		locked[tty] = console.LoginAt(tty) != system.LoginRoot
	}
	return locked
}

// loginAt is who may work at a console of the rescue shells: also before there is a machine.
func (p *initProcess) loginAt(tty string) string {
	if p.machine != nil {
		return p.machine.logins.at(tty)
	}
	if word, _ := p.cmdline.Get(loginWord); word == system.LoginRoot {
		return word
	}
	return p.imageSystem().Console.LoginAt(tty)
}
