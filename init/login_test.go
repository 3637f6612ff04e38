package main

import (
	"testing"
	"time"
)

func TestWhoTriesPasswordsWaitsLongerAndLonger(t *testing.T) {
	for failures, want := range map[int]time.Duration{0: 1, 1: 2, 2: 4, 4: 16, 5: 32, 6: 32, 1 << 30: 32} {
		if got := loginDelay(failures); got != want*time.Second {
			t.Errorf("after %d: %v, want %v", failures, got, want*time.Second)
		}
	}
}
