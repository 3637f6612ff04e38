package switcher

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bantam/signature"
)

// testKey is a key that is always the same.
func testKey(t *testing.T, seed byte) (private ed25519.PrivateKey, line string) {
	t.Helper()
	private = ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(seed)), ed25519.SeedSize)))
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return private, base64.StdEncoding.EncodeToString(der)
}

// sign signs what the parcel is now.
func (p *parcel) sign(key ed25519.PrivateKey) {
	payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":"pc"},"image":{"docker-manifest-digest":"%s"},"type":%q},"optional":null}`,
		p.generation.Digest(), signature.PayloadKind)
	p.signed = []signature.Signed{{Payload: payload, Signature: ed25519.Sign(key, payload)}}
}

// released is a parcel with that system.toml.
func released(m *fakeMachine, version int, rest string) *parcel {
	p := kitParcel(m)
	text := fmt.Sprintf("version = %d\n%s%s", version, kitText, rest)
	p.generation.System = image(text).System
	p.generation.Release = version
	p.blobs[p.generation.System.Digest] = []byte(text)
	return p
}

func trusting(keys ...string) string {
	return "[trust]\nkeys = [\"" + strings.Join(keys, `", "`) + "\"]\n"
}

func TestWithKeysOnlyWhatTheyHaveSignedComes(t *testing.T) {
	s, m, dir := bootedMachine(t)
	mine, line := testKey(t, 'a')
	other, _ := testKey(t, 'b')
	wantExit(t, switchTo(t, s, VerbSwitch, trusting(line)), ExitGood)
	for name, c := range map[string]struct {
		prepare func(p *parcel)
		want    error
	}{
		"unsigned":                {func(*parcel) {}, signature.ErrUnsigned},
		"signed by somebody else": {func(p *parcel) { p.sign(other) }, signature.ErrForeign},
		"signed before it was changed": {func(p *parcel) {
			p.sign(mine)
			p.generation.Layers = nil
		}, signature.ErrForeign},
	} {
		p := kitParcel(m)
		c.prepare(p)
		if _, err := p.bring(s.disk, s); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Import(t.Context(), p.request()); !errors.Is(err, c.want) {
			t.Errorf("%s, at its end: %v", name, err)
		}
		if s.inbox().size() != 0 || len(p.asked) != 0 {
			t.Errorf("%s: something was loaded", name)
		}
	}
	if _, err := s.CheckImport(ImportRequest{Manifest: []byte("{ not a manifest")}); !errors.Is(err, signature.ErrUnsigned) {
		t.Errorf("what nobody has signed is read: %v", err)
	}
	p := kitParcel(m)
	p.sign(mine)
	check, err := s.CheckImport(p.request())
	if err != nil || !check.Signed || !strings.HasPrefix(check.Note, "signed by ") {
		t.Errorf("%+v, %v", check, err)
	}
	number := p.must(t, s)
	s = bootAgain(t, dir, m)
	if x, err := s.Export(number); err != nil || len(x.Signed) != 1 || string(x.Signed[0].Payload) != string(p.signed[0].Payload) {
		t.Errorf("an export has not the signature: %+v, %v", x, err)
	}
}

// Who holds a registry can put any number of signatures in front of the good one.
func TestTheSignatureThatCountsIsKeptAmongThoseOfNobody(t *testing.T) {
	s, m, _ := bootedMachine(t)
	mine, line := testKey(t, 'a')
	other, _ := testKey(t, 'b')
	wantExit(t, switchTo(t, s, VerbSwitch, trusting(line)), ExitGood)
	p := kitParcel(m)
	p.sign(mine)
	good := p.signed[0]
	p.sign(other)
	p.signed = slices.Concat(slices.Repeat(p.signed, mostSigned), []signature.Signed{good})
	x, err := s.Export(p.must(t, s))
	if err != nil || len(x.Signed) != mostSigned || !x.Signed[0].Equal(good) {
		t.Errorf("an export has not the signature in front: %+v, %v", x.Signed, err)
	}
}

func TestWithoutKeysEverythingComesAndThatIsSaid(t *testing.T) {
	s, m, _ := bootedMachine(t)
	check, err := s.CheckImport(kitParcel(m).request())
	if err != nil || check.Signed || !strings.Contains(check.Note, "no [trust] keys") {
		t.Errorf("%+v, %v", check, err)
	}
}

func TestAnOlderReleaseIsAnswerToNobody(t *testing.T) {
	s, m, _ := bootedMachine(t)
	mine, line := testKey(t, 'a')
	wantExit(t, switchTo(t, s, VerbSwitch, "version = 99\n"+trusting(line)), ExitGood) // of an editor, which says nothing of releases
	bring := func(version int, downgrade bool) (int, error) {
		p := released(m, version, trusting(line))
		p.sign(mine)
		p.downgrade = downgrade
		got, err := p.bring(s.disk, s)
		return got.Number, err
	}
	for _, version := range []int{5, 6, 4} { // none of them is proven
		if _, err := bring(version, false); err != nil {
			t.Errorf("version %d: %v", version, err)
		}
	}
	five, err := bring(5, false)
	if err != nil {
		t.Fatal(err)
	}
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbSwitch, Generation: five}, nil), ExitGood)
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
	if _, err := s.Delete(five); err != nil {
		t.Fatal(err)
	}
	if _, err := bring(4, false); !errors.Is(err, signature.ErrOlder) {
		t.Errorf("version 4 after 5 was good, and is gone: %v", err)
	}
	strange := released(m, 4, trusting(line))
	strange.generation.Board = "toaster"
	strange.sign(mine)
	if _, err := strange.bring(s.disk, s); errors.Is(err, signature.ErrOlder) || err == nil || !strings.Contains(err.Error(), "it is for board toaster") {
		t.Errorf("an older one that cannot run here, whatever a person decides: %v", err)
	}
	for _, version := range []int{5, 6} {
		if _, err := bring(version, false); err != nil {
			t.Errorf("version %d: %v", version, err)
		}
	}
	if _, err := bring(4, true); err != nil {
		t.Errorf("version 4, as asked for: %v", err)
	}
}

func TestAGenerationBringsNewKeys(t *testing.T) {
	s, m, _ := bootedMachine(t)
	old, oldLine := testKey(t, 'a')
	fresh, freshLine := testKey(t, 'b')
	wantExit(t, switchTo(t, s, VerbSwitch, trusting(oldLine)), ExitGood)
	p := released(m, 1, trusting(freshLine))
	p.sign(old)
	number := p.must(t, s)
	next := released(m, 2, trusting(freshLine))
	next.sign(fresh)
	if _, err := next.bring(s.disk, s); !errors.Is(err, signature.ErrForeign) {
		t.Errorf("before that runs: %v", err)
	}
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbSwitch, Generation: number}, nil), ExitGood)
	next.must(t, s)
	next = released(m, 3, trusting(oldLine))
	next.sign(old)
	if _, err := next.bring(s.disk, s); !errors.Is(err, signature.ErrForeign) {
		t.Errorf("the old key, afterwards: %v", err)
	}
}

func TestAManifestThatNamesAnotherVersionThanItsSystemIsRefused(t *testing.T) {
	s, m, _ := bootedMachine(t)
	p := released(m, 3, "")
	p.generation.Release = 9
	if _, err := p.bring(s.disk, s); err == nil || !strings.Contains(err.Error(), "is version 3, its manifest says 9") {
		t.Errorf("%v", err)
	}
}
