package panel

import (
	"testing"
	"time"
)

func TestKeysAskForWhatTheyAreFor(t *testing.T) {
	const s = time.Second
	power, reset := Key{0, KeyPower}, Key{1, KeyRestart}
	type event struct {
		at   time.Duration
		key  Key
		down bool
	}
	for _, test := range []struct {
		name   string
		reset  uint16
		found  []Key
		events []event
		tick   time.Duration // after the events; 0: never
		want   []Action
	}{
		{"the power button asks when it is pressed", KeyRestart, nil, []event{{s, power, true}, {2 * s, power, false}}, 0, []Action{PowerOff}},
		{"and again when it is pressed again", KeyRestart, nil, []event{{s, power, true}, {2 * s, power, false}, {3 * s, power, true}}, 0, []Action{PowerOff, PowerOff}},
		{"not twice for one press", KeyRestart, nil, []event{{s, power, true}, {2 * s, power, true}}, 0, []Action{PowerOff}},
		{"nor when it was pressed before", KeyRestart, []Key{power}, []event{{s, power, true}, {2 * s, power, false}}, 0, nil},
		{"but then when it was let go", KeyRestart, []Key{power}, []event{{s, power, false}, {2 * s, power, true}}, 0, []Action{PowerOff}},
		{"the reset button held for ten seconds", KeyRestart, nil, []event{{s, reset, true}}, 11 * s, []Action{FactoryReset}},
		{"a moment less", KeyRestart, nil, []event{{s, reset, true}}, 11*s - 1, nil},
		{"let go before", KeyRestart, nil, []event{{s, reset, true}, {9 * s, reset, false}}, 20 * s, nil},
		{"let go and pressed again begins anew", KeyRestart, nil, []event{{s, reset, true}, {9 * s, reset, false}, {10 * s, reset, true}}, 11 * s, nil},
		{"held since before the machine started", KeyRestart, []Key{reset}, []event{{s, reset, true}}, 60 * s, nil},
		{"pressed for a moment", KeyRestart, nil, []event{{s, reset, true}, {s, reset, false}}, 60 * s, nil},
		{"another device's lets go", KeyRestart, nil, []event{{s, reset, true}, {2 * s, Key{2, KeyRestart}, false}}, 11 * s, []Action{FactoryReset}},
		{"a reset button that the machine has not", 0, nil, []event{{s, reset, true}}, 60 * s, nil},
		{"a power button that is the reset button", KeyPower, nil, []event{{s, power, true}}, 11 * s, []Action{FactoryReset}},
	} {
		k := Keys{Reset: test.reset}
		for _, key := range test.found {
			k.Found(key)
		}
		var got []Action
		add := func(a Action) {
			if a != Nothing {
				got = append(got, a)
			}
		}
		for _, e := range test.events {
			add(k.Input(e.at, e.key, e.down))
		}
		if test.tick != 0 {
			add(k.Tick(test.tick))
			if len(test.want) > 0 { // it asks once
				add(k.Tick(test.tick + time.Minute))
			}
		}
		if len(got) != len(test.want) || len(got) > 0 && got[0] != test.want[0] {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestAResetButtonIsInTheCase(t *testing.T) {
	const host, usb, bluetooth, virtual = 0x19, 3, 5, 6
	for _, test := range []struct {
		name      string
		reset     uint16
		bus, code uint16
		want      bool
	}{
		{"of the case", KeyRestart, host, KeyRestart, true},
		{"of a virtual machine", KeyRestart, virtual, KeyRestart, true},
		{"of a USB keyboard", KeyRestart, usb, KeyRestart, false},
		{"of a Bluetooth keyboard", KeyRestart, bluetooth, KeyRestart, false},
		{"of a machine without one", 0, host, KeyRestart, false},
		{"no key at all", 0, host, 0, false},
		{"another key", KeyRestart, host, KeyRestart + 1, false},
		{"power, of a USB keyboard", KeyRestart, usb, KeyPower, true},
		{"power that is reset, of a USB keyboard", KeyPower, usb, KeyPower, false},
	} {
		if got := (&Keys{Reset: test.reset}).Wants(test.bus, test.code); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestADeviceThatIsGoneHoldsNothing(t *testing.T) {
	k := Keys{Reset: KeyRestart}
	k.Input(time.Second, Key{3, KeyRestart}, true)
	k.Gone(2)
	if _, due, held := k.Held(); !held || due != 11*time.Second {
		t.Fatalf("held %v, due %v, want true, 11s", held, due)
	}
	k.Gone(3)
	if _, _, held := k.Held(); held || k.Tick(time.Hour) != Nothing {
		t.Error("the button of a device that was taken away is still held")
	}
}

// As kernels of both word sizes say it: the power button alone, and a keyboard of a PC.
func TestCapabilitiesAreTheKernelsWords(t *testing.T) {
	for _, test := range []struct {
		text string
		bits int
		want []uint16
		not  []uint16
	}{
		{"10000000000000 0\n", 64, []uint16{116}, []uint16{0, 52, 115, 117, 0x198}},
		{"100000 0 0 0\n", 32, []uint16{116}, []uint16{0, 20, 0x198}},
		{"402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe\n", 64, []uint16{1, 2, 63, 116}, []uint16{0, 0x198, 0x2ff}},
		{"1000000 0 0 0 0 0 0\n", 64, []uint16{0x198}, []uint16{116, 24}},
		{"0\n", 64, nil, []uint16{0, 116}},
		{"", 64, nil, []uint16{0, 116}},
		{"xyz", 64, nil, []uint16{0, 116}},
	} {
		has := Capabilities(test.text, test.bits)
		for _, code := range test.want {
			if !has(code) {
				t.Errorf("%q: key %d is not there", test.text, code)
			}
		}
		for _, code := range test.not {
			if has(code) {
				t.Errorf("%q: key %d is there", test.text, code)
			}
		}
	}
}

// Whatever keys do, in whatever order: a reset is asked for only where the button was pressed for ten seconds without a break.
func FuzzKeys(f *testing.F) {
	f.Add([]byte{1, 10, 2, 11, 3, 200})
	f.Fuzz(func(t *testing.T, input []byte) {
		k := Keys{Reset: KeyRestart}
		now := time.Second
		pressed := map[Key]time.Duration{} // since when each reset button is, as the events say
		for len(input) >= 2 {
			what, pause := input[0], input[1]
			input = input[2:]
			now += time.Duration(pause) * 100 * time.Millisecond
			key := Key{int(what >> 1 & 3), KeyRestart}
			if what&8 != 0 {
				key.Code = KeyPower
			}
			before := k.down[key]
			var got Action
			switch what >> 4 {
			case 0, 1, 2, 3:
				got = k.Input(now, key, what&1 != 0)
				if key.Code == KeyRestart && what&1 == 0 {
					delete(pressed, key)
				} else if _, is := pressed[key]; key.Code == KeyRestart && !is && !before {
					pressed[key] = now
				}
				if (got == PowerOff) != (key.Code == KeyPower && what&1 != 0 && !before) || got == FactoryReset {
					t.Fatalf("key %v, down %v, before %v: %q", key, what&1 != 0, before, got)
				}
			case 4:
				k.Gone(key.Device)
				delete(pressed, Key{key.Device, KeyRestart})
			default:
				if k.Tick(now) == FactoryReset {
					long := false
					for _, since := range pressed {
						long = long || now-since >= ResetTime
					}
					if !long {
						t.Fatalf("a reset at %v, pressed since %v", now, pressed)
					}
				}
			}
		}
	})
}

func FuzzCapabilities(f *testing.F) {
	f.Add("10000000000000 0\n", uint16(116))
	f.Fuzz(func(t *testing.T, text string, code uint16) {
		Capabilities(text, 64)(code)
		Capabilities(text, 32)(code)
	})
}
