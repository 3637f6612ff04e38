package yescrypt

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// Made with crypt(3) of libxcrypt 4.4.33.
var known = []struct{ password, hash string }{
	{"pw", "$y$j9T$abcdefgh$UGYCVcUwcoG0k8SZZ.Uz3i0RYQNy1YmYj4I4poBPer2"},
	{"x", "$y$j9T$abcdefgh$9WNEpu8Mx2S4KNGvbVWKM6clOSoY6.YEl7AYF4DGV04"},
}

func TestHashesOfOthersAreChecked(t *testing.T) {
	for _, k := range known {
		h, ok := Parse(k.hash)
		if !ok || h.String() != k.hash {
			t.Fatalf("%s is not taken apart: %v, %+v", k.hash, ok, h)
		}
		if !h.Of([]byte(k.password)) {
			t.Errorf("%q is not the password of %s", k.password, k.hash)
		}
		if h.Of([]byte(k.password + " ")) {
			t.Errorf("another one than %q is", k.password)
		}
	}
}

// crypt is what the C library of the host makes of a password.
func crypt(t *testing.T, password, setting string) string {
	t.Helper()
	cmd := exec.Command("perl", "-e", `binmode STDIN; local $/; print crypt(<STDIN>, $ARGV[0])`, setting)
	cmd.Stdin = strings.NewReader(password)
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), "$y$") {
		t.Skipf("no oracle: perl's crypt knows no yescrypt here: %v, %q", err, out)
	}
	return string(out)
}

func TestTheCLibraryMakesTheSameHashes(t *testing.T) {
	for _, password := range []string{"", "with blanks and ümlauts", strings.Repeat("long ", 100) + "\x01\xff"} {
		for _, cost := range []struct{ log, r int }{{10, 8}, {12, 32}, {8, 5}, {12, 1}} {
			for _, salt := range [][]byte{[]byte("s"), []byte("salt"), []byte("sixteen bytes!!!"), bytes.Repeat([]byte{0xff}, 64)} {
				h := hashOf([]byte(password), salt, cost.log, cost.r)
				if want := crypt(t, password, h.text); h.String() != want {
					t.Errorf("%q, %+v, salt of %d bytes: %s, want %s", password, cost, len(salt), h, want)
				}
			}
		}
	}
}

func TestANewHashIsCheckedByBoth(t *testing.T) {
	h := New([]byte("secret"))
	if again, ok := Parse(h.String()); !ok || !again.Of([]byte("secret")) || again.Of([]byte("Secret")) || again.Memory() != 8<<20 {
		t.Errorf("%s: %v", h, ok)
	}
	if other := New([]byte("secret")); other.String() == h.String() {
		t.Error("two hashes are the same")
	}
	if got := crypt(t, "secret", h.String()); got != h.String() {
		t.Errorf("%s, want %s", got, h)
	}
}

func TestWhatIsNoHashIsNotTakenForOne(t *testing.T) {
	good := known[0].hash
	for _, text := range []string{"", "$y$", good[1:], good + "a", good[:len(good)-1], strings.Replace(good, "j9T", "j9", 1), strings.Replace(good, "j9T", "k9T", 1),
		strings.Replace(good, "j9T", "j9T/", 1), strings.Replace(good, "abcdefgh", "abcde", 1), strings.Replace(good, "abcdefgh", "abc efgh", 1),
		strings.Replace(good, "j9T", "jzT", 1), strings.Replace(good, "j9T", "j9z", 1), strings.Replace(good, "$y", "$7", 1), strings.Replace(good, "abcdefgh", strings.Repeat("a", 88), 1)} {
		if h, ok := Parse(text); ok {
			t.Errorf("%q: %+v", text, h)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, k := range known {
		f.Add(k.hash)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if h, ok := Parse(text); ok && (h.String() != text || h.Memory() <= 0) {
			t.Errorf("%q: %+v", text, h)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	h := New([]byte("secret"))
	for b.Loop() {
		h.Of([]byte("secret"))
	}
}
