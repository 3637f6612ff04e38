package pid1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"bantam/gpt"
	"bantam/init/mtd"
	"bantam/init/statevolume"
)

// growStop is how long the end of the machine waits for the step with which the state volume grows: it cannot be
// unmounted before.
const growStop = 5 * time.Second

func (p *initProcess) volumeOptions() statevolume.Options {
	wait := diskWait
	if _, read := p.cmdline.Get("bantam.loader"); read {
		wait = bootDiskWait
	}
	return statevolume.Options{
		Cmdline:    strings.Join(p.cmdline, " "),
		Dir:        statePath,
		ImagePath:  "/bantam/state.template",
		OriginPath: gpt.OriginPath,
		LoadModule: p.modprobe,
		Wait:       wait,
		Flash:      p.chip,
		LeftAlone:  p.leftAlone(),
	}
}

// leftAlone says why the volume is not to be used, "" if it is.
func (p *initProcess) leftAlone() string {
	if p.failsafe == "" {
		return ""
	}
	return "failsafe, for " + p.failsafe
}

// readChip reads what the image says of the board's flash chip. By a damaged map nothing is written.
func (p *initProcess) readChip() {
	if !mtd.Chips {
		return
	}
	var err error
	if p.chip, err = mtd.ReadMap(); err != nil && !errors.Is(err, mtd.ErrNoChip) {
		p.notes.add("%v", err)
	}
}

// tellLate tells of a disk that came when the machine ran from memory already: at once on the consoles, where somebody
// may be about to change what will be forgotten, and in the status.
func (p *initProcess) tellLate(text string) {
	text = "state: " + text
	Logf(Error, "%s", text)
	p.notes.keep(text)
}

// growth is how far the state volume has come after the boot, in bytes; zero: not begun.
type growth struct{ done, to atomic.Int64 }

// size says how large the volume is.
func (g *growth) size(v statevolume.Volume) string {
	size := v.Size
	if done := g.done.Load(); done != 0 {
		size = done
	}
	text := fmt.Sprintf("%d MiB", size>>20)
	if to := g.to.Load(); to != 0 {
		text += fmt.Sprintf(", growing to %d MiB while it is used", to>>20)
	}
	return text
}

// tendVolume does what is left to do for the state volume while the machine runs. The function that it returns ends that.
func (p *initProcess) tendVolume(ctx context.Context) (leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	go Guard("late disk", func() { p.volume.Watch(ctx, p.volumeOptions(), p.tellLate) })
	ended := make(chan struct{})
	go Guard("grow the state volume", func() {
		defer close(ended)
		p.growth.to.Store(p.volume.CanGrow())
		defer p.growth.to.Store(0)
		if err := p.volume.Grow(ctx, p.growth.done.Store); err != nil {
			p.notes.add("%v", err)
		}
	})
	return func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(growStop):
			Logf(Warning, "the state volume is still growing")
		}
	}
}

// since says when the state volume was made: its store's first file is never written again.
func since(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return ", since " + info.ModTime().UTC().Format("2006-01-02 15:04")
}
