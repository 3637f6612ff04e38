package boottime

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func TestNowIsTheKernelsUptime(t *testing.T) {
	uptime := func() time.Duration {
		var seconds, hundredths time.Duration
		text, err := os.ReadFile("/proc/uptime")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(string(text), "%d.%d", &seconds, &hundredths); err != nil {
			t.Fatal(err)
		}
		return seconds*time.Second + hundredths*10*time.Millisecond
	}
	const tick = 10 * time.Millisecond // the file cuts off what is less
	if before, now, after := uptime(), Now(), uptime(); now < before || now >= after+tick {
		t.Errorf("%v is not from %v to %v", now, before, after)
	}
}
