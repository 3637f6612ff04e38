package editor

import "time"

// How long typing must rest before the recovery file is written, and how long
// that may wait when typing goes on.
const (
	recoveryPause = 2 * time.Second
	recoveryLate  = 5 * time.Second
)

// keepIn is how long the recovery file can wait; due tells whether it is wanted
// at all.
func (d *document) keepIn(now time.Time) (wait time.Duration, due bool) {
	if d.keeper == nil || d.found != nil || d.file == nil || d.readOnly != "" || d.changed.IsZero() ||
		!d.text.Modified() || d.kept == d.text.Version() {
		return 0, false
	}
	return min(d.touchedAt.Add(recoveryPause).Sub(now), d.changed.Add(recoveryLate).Sub(now)), true
}

// afterKeeping notes what became of the recovery file and tells whether the
// person should see it.
func (d *document) afterKeeping(k keptText) bool {
	if k.err != nil {
		news := d.keepErr == nil
		d.keepErr = k.err
		d.changed, d.touchedAt = time.Now(), time.Now() // again later
		return news
	}
	d.keepErr, d.kept = nil, k.version
	return false
}
