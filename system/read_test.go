package system

import (
	"bytes"
	"strings"
	"testing"
)

// endless is /dev/zero, and counts.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	e.read += len(b)
	return len(b), nil
}

func TestNoMoreIsReadThanASystemTomlMayHave(t *testing.T) {
	var zero endless
	if _, err := Read("/dev/zero", &zero); err == nil || !strings.Contains(err.Error(), "/dev/zero: more than the 1048576 bytes") {
		t.Errorf("%v", err)
	}
	if zero.read > 4*MaxSize {
		t.Errorf("%d bytes were read", zero.read)
	}
	whole := bytes.Repeat([]byte("#"), MaxSize)
	if got, err := Read("largest", bytes.NewReader(whole)); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("the largest: %d bytes, %v", len(got), err)
	}
}

func TestAnEmptyFileIsRemarkedOn(t *testing.T) {
	for text, want := range map[string]bool{"": true, "\n# nothing\n": true, "hostname = \"gate\"\n": false} {
		remarks := Remarks("f", []byte(text))
		if got := len(remarks) == 1 && strings.Contains(remarks[0].Message, "says nothing"); got != want {
			t.Errorf("%q: %v", text, remarks)
		}
	}
}
