package sshline

import (
	"bytes"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
)

func pair(t *testing.T) (a, b *Line) {
	t.Helper()
	a, theirs, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	if b, err = On(theirs); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestWhatIsSaidArrives(t *testing.T) {
	a, b := pair(t)
	want := Request{ID: 7, Open: &Open{Kind: Command, Command: []byte("id \xff"), Terminal: "xterm", Rows: 24, Columns: 80, Env: map[string]string{"LANG": "C"}}}
	if err := b.Send(want); err != nil {
		t.Fatal(err)
	}
	var got Request
	if files, err := a.Receive(&got, 0); err != nil || len(files) > 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, %v", got, files, err)
	}
}

func TestDescriptorsGoWithAnAnswer(t *testing.T) {
	a, b := pair(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	if err := a.Send(Answer{ID: 1}, read, write); err != nil {
		t.Fatal(err)
	}
	write.Close()
	var got Answer
	files, err := b.Receive(&got, 3)
	if err != nil || len(files) != 2 || got.ID != 1 {
		t.Fatalf("got %+v, %v, %v", got, files, err)
	}
	defer closeAll(files)
	if _, err := files[1].WriteString("hello"); err != nil {
		t.Fatal(err)
	}
	files[1].Close()
	if text, err := io.ReadAll(read); string(text) != "hello" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestWhoExpectsNoDescriptorsGetsNone(t *testing.T) {
	a, b := pair(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	if err := b.Send(Request{ID: 1}, write); err != nil {
		t.Fatal(err)
	}
	write.Close()
	if files, err := a.Receive(new(Request), 0); err != nil || files != nil {
		t.Errorf("got %v, %v", files, err)
	}
	if text, err := io.ReadAll(read); len(text) > 0 || err != nil { // nobody has the other end any more
		t.Errorf("got %q, %v", text, err)
	}
}

func TestWhatIsNoMessageIsToldAndTheNextOneIsRead(t *testing.T) {
	a, b := pair(t)
	for _, tt := range []struct {
		text, want string
	}{
		{"garbage", "not understood"},
		{strings.Repeat("x", maxMessage+1), "a message of more than"},
		{`{"id":-1}`, "not understood"},
	} {
		if _, err := b.conn.Write([]byte(tt.text)); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Receive(new(Request), 0); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.10s: got %v, want %s", tt.text, err, tt.want)
		}
	}
	if err := b.Send(Request{ID: 1, Sign: bytes.Repeat([]byte{1}, maxMessage)}); err == nil {
		t.Error("what is too long was sent")
	}
	if err := b.Send(Request{ID: 2}); err != nil {
		t.Fatal(err)
	}
	var got Request
	if _, err := a.Receive(&got, 0); err != nil || got.ID != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	b.Close()
	if _, err := a.Receive(&got, 0); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: got %v", err)
	}
}
