package images

import (
	"errors"
	"testing"
)

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

// What a person can mend is said in their words, and not in apt's.
func TestWhatAptCouldNotDo(t *testing.T) {
	failed := errors.New("exit status 100")
	for _, c := range []struct{ said, want string }{
		{"E: Failed to fetch http://deb.debian.org/debian/dists/bookworm/InRelease  Could not connect to 127.0.0.1:1 (127.0.0.1). - connect (111: Connection refused); E: Failed to fetch http://x/InRelease  Unable to connect to 127.0.0.1:1:; E: Some index files failed to download.",
			"Debian's archive cannot be reached; without network there is bantam build --vendor DIR, of what bantam vendor has saved (http://deb.debian.org/debian/dists/bookworm/InRelease: Could not connect to 127.0.0.1:1 (127.0.0.1). - connect (111: Connection refused))"},
		{"E: Failed to fetch http://deb.debian.org/x.deb  Temporary failure resolving 'deb.debian.org'",
			"Debian's archive cannot be reached; without network there is bantam build --vendor DIR, of what bantam vendor has saved (http://deb.debian.org/x.deb: Temporary failure resolving 'deb.debian.org')"},
		{"E: Failed to fetch http://deb.debian.org/x.deb  404  Not Found [IP: 127.0.0.1 80]", "apt-get update: exit status 100: E: Failed to fetch http://deb.debian.org/x.deb  404  Not Found [IP: 127.0.0.1 80]"},
		{"E: Failed to fetch http://x/x.deb  Error writing to file - write (28: No space left on device)", "apt-get update: no space left on device"},
		{"E: You don't have enough free space in /c/archives/.", "apt-get update: no space left on device"},
	} {
		if got := aptError("apt-get", []string{"update"}, failed, c.said); got.Error() != c.want {
			t.Errorf("got  %v\nwant %s", got, c.want)
		}
	}
}
