package main

import (
	"slices"
	"strings"
	"testing"
)

func TestLoginsAreReadFromTheLog(t *testing.T) {
	said := "bench: login bantam 40000 5000\n[1.000000] nothing\n"
	for _, took := range []string{"44100 4000", "43000 5000", "50000 6000"} {
		said += "[    2.000000] bench: login bantam " + took + "\n[    3.000000] bench: login dropbear 80000 4000\n"
	}
	r, err := parse(said + over + "\n")
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.logins()
	if want := []login{{"bantam", 44.1, 5}, {"dropbear", 80, 4}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	r, err = parse("[    2.000000] bench: login bantam 44100 4000\n" + over + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.logins(); err == nil || !strings.Contains(err.Error(), "1 servers") {
		t.Errorf("one server alone: got %v, %v", got, err)
	}
}
