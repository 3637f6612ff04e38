package images

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/board"
	"bantam/firmware"
	"bantam/flashmap"
)

func TestFirmwareOfABoardWithoutLoaderIsKernelAndInitrdInOne(t *testing.T) {
	in := testInputs(t, t.TempDir())
	in.Board.Boot = board.Direct
	in.Board.Flash = flashmap.Map{Kind: flashmap.NOR, Size: 1 << 24, EraseBlock: 1 << 16, Compatible: []string{"maker,router"},
		Areas: []flashmap.Area{{Name: "firmware", Offset: 0x50000, Size: 8 << 20, Use: flashmap.Firmware}}}
	c := mustCompose(t, in)
	out := t.TempDir()
	sizes, err := c.WriteMedia(t.Context(), Archive{}, in.Board, out, []string{KindSysupgrade})
	if err != nil || len(sizes) != 1 || sizes[0].Limit != 8<<20 {
		t.Fatalf("%+v, %v", sizes, err)
	}
	path := filepath.Join(out, in.Board.Name+"."+KindSysupgrade)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := bytes.NewReader(data)
	u, err := firmware.ReadUImage(f)
	if err != nil || u.Verify(f) != nil || u.Type != "multi" || u.Time != 0 || !strings.HasPrefix(u.Name, "Linux ") {
		t.Fatalf("%+v, %v", u, err)
	}
	parts, err := u.Parts(f)
	if err != nil || len(parts) != 2 || !bytes.Equal(data[parts[0].At:parts[0].End()], c.Kernel) || !bytes.Equal(data[parts[1].At:parts[1].End()], c.Initrd()) {
		t.Errorf("parts %+v, %v", parts, err)
	}
	trailers, body, err := firmware.ReadTrailers(f)
	if err != nil || len(trailers) != 1 || body != u.Data().End() || firmware.VerifyTrailers(f, trailers) != nil {
		t.Fatalf("%+v, %v", trailers, err)
	}
	text, err := trailers[0].Bytes(f)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := firmware.ParseMetadata(text); err != nil || m.Fits("maker,router", "1.0") != nil || m.Fits(in.Board.Name, "") != nil || m.Fits("other", "1.0") == nil {
		t.Errorf("%s, %v", text, err)
	}
	alone := filepath.Join(t.TempDir(), "uimage") // dumpimage wants nothing behind it
	if err := os.WriteFile(alone, data[:body], 0o644); err != nil {
		t.Fatal(err)
	}
	if out := output(t, "dumpimage", "-l", alone); !strings.Contains(out, "Multi-File Image") {
		t.Errorf("dumpimage:\n%s", out)
	}

	// One byte more than its area: refused, with both sizes, and not left there.
	in.Board.Flash.Areas[0].Size = int64(len(data)) - 1
	var large *TooLarge
	if _, err := c.WriteMedia(t.Context(), Archive{}, in.Board, out, []string{KindSysupgrade}); !errors.As(err, &large) ||
		!strings.Contains(err.Error(), "1 more than the board's limit of "+Commas(int64(len(data)-1))) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("it is still there")
	}
}
