package pid1

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"bantam/boottime"
	"bantam/init/control"
	"bantam/panel"
	"bantam/switcher"
	"bantam/system"
)

// openSwitcher reads the generations. When the state volume's files cannot be
// used, memory takes its place and the image's generation runs.
func (p *initProcess) openSwitcher() (*switcher.Switcher, error) {
	options := switcher.Options{Dir: statePath, Machine: p.machine, Booted: p.image.Generation, Text: p.image.text, System: p.parsedImage(), Loader: p.bootLoader, OnMedium: p.onMedium, Forgets: !p.lasting(), Offer: p.offer, Chosen: p.chosen}
	_, options.ByHand = p.cmdline.Get("bantam.hand")
	s, err := switcher.Open(options)
	if err == nil {
		return s, nil
	}
	reason := "the generations on the state volume cannot be used: " + err.Error()
	p.notes.add("%s", reason)
	if p.volume, err = p.volume.Distrust(reason); err != nil {
		p.notes.add("%v", err)
	}
	p.prepareVolume()
	options.Forgets = !p.lasting()
	return switcher.Open(options)
}

// prepareVolume makes the folders of store and draft, where switcher and editor
// look for them, and lets services reach theirs.
func (p *initProcess) prepareVolume() {
	for _, dir := range []string{filepath.Join(statePath, "store"), filepath.Dir(control.DraftPath)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			p.notes.add("%v", err)
		}
	}
	if err := letServicesIn(statePath); err != nil {
		p.notes.add("%v", err)
	}
	if err := letOperatorsIn(filepath.Dir(control.DraftPath)); err != nil {
		p.notes.add("%v", err)
	}
}

// bootGeneration starts the chosen generation and the consoles. It returns when
// the consoles have been asked for; the proof may go on.
func (p *initProcess) bootGeneration(ctx context.Context) {
	p.defineConsoles(p.imageSystem())
	started, chosen := make(chan struct{}), make(chan struct{})
	var once sync.Once
	end := p.chart.Span("generation")
	go Guard("boot", func() {
		defer close(started)
		result := p.switcher.Boot(ctx, func(e switcher.Event) {
			level := Info
			switch e.Kind {
			case switcher.EventFail:
				level = Warning
			case switcher.EventChoice:
				once.Do(func() { close(chosen) })
			}
			Logf(level, "%s", e.Text)
		})
		end()
		faulty := result.Exit != switcher.ExitGood || p.failsafe != "" || p.fellBack()
		p.lights.set(func(s *panel.State) { s.Changing, s.Faulty = result.Reboots, faulty })
		if result.Reboots { // into the boot slot that holds what was chosen
			Logf(Error, "%s", result.Text())
			p.end(Restart)
			return
		}
		level := Notice
		if result.Exit != switcher.ExitGood {
			level = Warning
		}
		Logf(level, "%s; ready after %v", result.Text(), boottime.Now().Round(time.Millisecond))
		Logf(Info, "%v", &p.chart)
		rest()
	})
	go Guard("staying up", func() {
		<-started
		time.Sleep(switcher.StayUp)
		if err := p.switcher.StayedUp(); err != nil {
			p.notes.add("%v", err)
		}
	})
	latest := time.Now().Add(choiceLatest)
	give := func(wait time.Duration) {
		awaitChoice(chosen, started, wait, consoleLatest)
		p.menu.leave()
		p.startConsoles()
		p.menu.close()
		go Guard("buttons", func() {
			select {
			case <-started:
			case <-time.After(buttonsLatest):
			}
			p.buttons.look()
		})
	}
	if p.menu.asks(chosen, started, choiceLatest) { // the main line goes on: a machine that shows a menu can be ended, too
		go Guard("consoles after the boot menu", func() {
			<-p.menu.over
			give(choiceLatest)
		})
		return
	}
	give(time.Until(latest))
}

// awaitChoice returns when a greeting can say which generation this is, and a
// little later if it then can say that it runs. A choice that hangs, on a broken
// disk, keeps nobody from a shell.
func awaitChoice(chosen, started <-chan struct{}, latest, little time.Duration) {
	select {
	case <-chosen:
	case <-started:
	case <-time.After(latest):
		return
	}
	select {
	case <-started:
	case <-time.After(little):
	}
}

// defineConsoles makes the consoles known before any generation is adopted,
// which then keeps them: they must be there also when none can be.
func (p *initProcess) defineConsoles(sys *system.System) {
	p.machine.logins.set(sys)
	if err := p.sup.Define(definitions(&system.System{}, p.consoles, p.machine.logins.at)); err != nil {
		p.notes.add("consoles: %v", err)
	}
}

func (p *initProcess) startConsoles() {
	if len(p.consoles) == 0 {
		p.notes.add("no console: neither a serial line nor a screen was found")
		return
	}
	p.machine.logins.mu.Lock()
	p.machine.logins.given = true
	p.machine.logins.mu.Unlock()
	if err := p.machine.settleConsoles(); err != nil {
		p.notes.add("consoles: %v", err)
	}
}

// kernelVersion is what uname -r prints.
func kernelVersion() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// describe says what a switch under way is doing.
func describe(b *switcher.Busy, now time.Duration) string {
	text := fmt.Sprintf("%s to generation %d, since %v", b.Verb, b.To, (now - b.Since).Round(time.Second))
	switch {
	case b.Confirms:
		text += fmt.Sprintf("; it waits for `bantam confirm`, %v left", b.Left.Round(time.Second))
	case b.Patience > 0:
		text += fmt.Sprintf("; once proven it waits %v for `bantam confirm`", b.Patience)
	}
	return text
}
