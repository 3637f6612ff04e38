package main

import (
	"strings"
	"testing"
)

func TestUpdatesAreReadFromWhatTheMachineSays(t *testing.T) {
	said := "installing\nbench: update import wrote 1000 sectors\nbench: update switch wrote 24 sectors\nbench: update boot wrote 8 sectors\n" +
		"[   10.000000] bench: update import begins\n[   10.250000] bench: update import ended 0\n" +
		"[   20.000000] bench: update switch begins\n[   21.000000] bench: update switch ended 0\n" +
		"[   30.000000] bench: update boot begins\n[   31.000000] bench: update boot ended 1\n" +
		"[   40.000000] bench: update silent begins\n[   41.000000] bench: update silent ended 0\n"
	r, err := parse(said + over + "\n")
	if err != nil {
		t.Fatal(err)
	}
	got := update{System: "Bantam", Changed: "package"}
	for _, step := range []string{"import", "switch"} {
		if err := r.update(step, &got); err != nil {
			t.Fatal(err)
		}
	}
	if want := (update{"Bantam", "package", 1024 * 512, 1.25, 0}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for step, want := range map[string]string{"boot": "boot failed", "silent": "nobody has said what silent wrote", "other": "nothing began"} {
		if err := r.update(step, new(update)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", step, err, want)
		}
	}
}
