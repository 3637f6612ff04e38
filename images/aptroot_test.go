package images

import "testing"

func TestErrorsOfAptThatPass(t *testing.T) {
	for message, want := range map[string]bool{
		"E: Failed to fetch http://x/Packages.xz  File has unexpected size (1 != 2). Mirror sync in progress? [IP: 1.2.3.4 80]": true,
		"E: Failed to fetch http://x/a.deb  Hash Sum mismatch":                                                                  true,
		"E: Unable to locate package x":    false,
		"Could not connect to 127.0.0.1:1": false,
	} {
		if got := passing(message); got != want {
			t.Errorf("passing(%q) = %v, want %v", message, got, want)
		}
	}
}

func TestErrorsOfAptAreCutOutOfItsNoise(t *testing.T) {
	for said, want := range map[string]string{
		"W: Download is unsandboxed\nE: Version '1' was not found\n": "E: Version '1' was not found",
		"E: one\nReading lists\nE: two\n":                            "E: one; E: two",
		"gpgv: not found\n":                                          "gpgv: not found",
	} {
		if got := aptErrors(said); got != want {
			t.Errorf("aptErrors(%q) = %q, want %q", said, got, want)
		}
	}
}
