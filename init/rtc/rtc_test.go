package rtc

import (
	"testing"
	"time"
)

func TestTheClocksTimeIsKept(t *testing.T) {
	for _, text := range []string{"2026-02-28T23:59:59Z", "2000-02-29T00:00:00Z", "1970-01-01T00:00:00Z"} {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := timeOf(fields(when)); !got.Equal(when) {
			t.Errorf("%s: got %s", text, got)
		}
	}
}
