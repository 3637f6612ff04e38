package pid1

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"bantam/init/kmod"
	"bantam/panel"
	"bantam/switcher"
)

// failsafeWord on the kernel command line starts the machine in failsafe: with what its image carries, and with the state volume left
// alone.
const failsafeWord = "bantam.failsafe"

// buttonsLimit is how long the drivers of buttons may take, at the start of a machine with a reset button.
const buttonsLimit = 2 * time.Second

// readPanel reads what the image says of the case.
func (p *initProcess) readPanel() {
	text, err := os.ReadFile(panel.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var has panel.Panel
	if err == nil {
		has, err = panel.Parse(text)
	}
	if err != nil {
		p.notes.add("buttons and LEDs: %v", err)
	}
	p.panel = has
	p.buttons.keys.Reset = has.Reset
}

// askFailsafe says why the machine starts in failsafe, "" if it does not. The state volume has not been looked for.
func (p *initProcess) askFailsafe(a *kmod.Autoloader) string {
	if _, asked := p.cmdline.Get(failsafeWord); asked {
		return failsafeWord + " on the kernel command line"
	}
	if p.panel.Reset == 0 {
		return ""
	}
	defer p.chart.Span("reset button")()
	if a != nil {
		p.tell(a.Coldplug(isButtonModule, buttonsLimit))
	}
	if p.buttons.resetHeld() {
		return "the reset button was held"
	}
	return ""
}

// isButtonModule says whether a driver brings buttons of a case. Where one sits behind a bus whose driver comes later, it is not asked for
// failsafe.
func isButtonModule(_, file string) bool { return strings.HasPrefix(file, "kernel/drivers/input/") }

// enterFailsafe tells it on every console.
func (p *initProcess) enterFailsafe(why string) {
	p.failsafe = why
	text := fmt.Sprintf("FAILSAFE: %s. The settings are the image's own, what this machine keeps is not touched, and what is changed now is forgotten; `reboot` ends it, `bantam state renew --reboot` throws away what is kept", why)
	Logf(Error, "%s", text)
	p.notes.keep(text)
}

// failsafeLoader leaves boot slots as they are.
func failsafeLoader() switcher.BootLoader {
	return switcher.FixedImage{Why: "this is failsafe, in which boot slots are left as they are"}
}

// factoryReset has the next boot make the state volume anew, and restarts.
func (p *initProcess) factoryReset(why string) {
	if err := p.volume.Renew(true); err != nil {
		p.notes.add("factory reset: %v", err)
		return
	}
	p.renewed.Store(true)
	Logf(Error, "FACTORY RESET: %s; the machine restarts and begins as its image delivered it", why)
	p.end(Restart)
}
