package panel

import "testing"

func TestTheLEDTellsWhatMustNotBeDisturbedFirst(t *testing.T) {
	for _, test := range []struct {
		name          string
		state         State
		status, fault Light
	}{
		{"runs, proven", State{}, Lit, Dark},
		{"starts", State{Changing: true}, Slow, Dark},
		{"was left for another", State{Faulty: true}, Flash, Lit},
		{"starts in failsafe", State{Changing: true, Faulty: true}, Slow, Lit},
		{"flash is written", State{Writing: 1}, Fast, Dark},
		{"flash is written in failsafe, and somebody holds the button", State{Writing: 1, Faulty: true, Held: true}, Fast, Lit},
		{"flash is written and it is about to restart", State{Writing: 1, Changing: true}, Fast, Dark},
		{"the button is held", State{Held: true}, Dark, Dark},
		{"the button is held in failsafe", State{Held: true, Faulty: true}, Dark, Lit},
	} {
		if got := test.state.Status(); got != test.status {
			t.Errorf("%s: %v, want %v", test.name, got, test.status)
		}
		if got := test.state.Fault(); got != test.fault {
			t.Errorf("%s: fault %v, want %v", test.name, got, test.fault)
		}
	}
	for _, light := range []Light{Lit, Dark} {
		if light.Blinks() {
			t.Errorf("%v blinks", light)
		}
	}
	for _, light := range []Light{Slow, Fast, Flash} {
		if !light.Blinks() {
			t.Errorf("%v does not blink", light)
		}
	}
}

func TestAnLEDIsChosenWhereNobodyNamesOne(t *testing.T) {
	for _, test := range []struct {
		name          string
		leds          []string
		aliases       map[string]string
		status, fault string
	}{
		{"a PC", []string{"input3::capslock", "input3::numlock"}, nil, "", ""},
		{"nothing", nil, nil, "", ""},
		{"its last word", []string{"orangepi:green:pwr", "orangepi:red:status"}, nil, "orangepi:red:status", ""},
		{"system before power", []string{"green:power", "green:system"}, nil, "green:system", ""},
		{"a word alone", []string{"ACT", "power"}, nil, "power", ""},
		{"OpenWrt's aliases", []string{"green:status"}, map[string]string{"led-running": "blue:run", "led-boot": "white:boot", "led-failsafe": "red:alarm"}, "blue:run", "red:alarm"},
		{"one LED for all", nil, map[string]string{"led-running": "green:power", "led-failsafe": "green:power"}, "green:power", ""},
		{"no running", nil, map[string]string{"led-boot": "white:boot"}, "white:boot", ""},
	} {
		status, fault := Choose(test.leds, func(a string) string { return test.aliases[a] })
		if status != test.status || fault != test.fault {
			t.Errorf("%s: %q and %q, want %q and %q", test.name, status, fault, test.status, test.fault)
		}
	}
}

// As led_compose_name of the kernel has it.
func TestAnLEDIsCalledAsTheKernelCallsIt(t *testing.T) {
	for _, test := range []struct {
		properties map[string]string
		want       string
	}{
		{map[string]string{"label": "bpi-r64:pio:green", "color": "\x00\x00\x00\x02"}, "bpi-r64:pio:green"},
		{map[string]string{"function": "power", "color": "\x00\x00\x00\x02"}, "green:power"},
		{map[string]string{"function": "lan", "color": "\x00\x00\x00\x04", "function-enumerator": "\x00\x00\x00\x0c"}, "amber:lan-12"},
		{map[string]string{"function": "status"}, ":status"},
		{map[string]string{"color": "\x00\x00\x00\x01"}, "red:"},
		{map[string]string{"function": "status", "color": "\x00\x00\x00\xff"}, ":status"},
		{map[string]string{"function": "status", "color": "x"}, ":status"},
		{nil, "led-0"},
	} {
		if got := NodeName("led-0", func(p string) string { return test.properties[p] }); got != test.want {
			t.Errorf("%q: %q, want %q", test.properties, got, test.want)
		}
	}
}

func TestAPanelIsReadBack(t *testing.T) {
	for _, p := range []Panel{{}, {Status: "green:power"}, {"green:power", "red:fault", KeyRestart}, {Status: "a\"\\\n"}} {
		if got, err := Parse(p.Encode()); err != nil || got != p {
			t.Errorf("%+v: %+v, %v", p, got, err)
		}
	}
	for _, text := range []string{"", "x", `{"reset":70000}`, `{"status":1}`, `[]`} {
		if got, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func FuzzNodeName(f *testing.F) {
	f.Add("led-0", "", "status", "\x00\x00\x00\x01", "\x00\x00\x00\x02")
	f.Fuzz(func(t *testing.T, node, label, function, color, number string) {
		name := NodeName(node, func(p string) string {
			return map[string]string{"label": label, "function": function, "color": color, "function-enumerator": number}[p]
		})
		if label != "" && name != label {
			t.Fatalf("%q, want the label %q", name, label)
		}
		Choose([]string{node, name}, func(string) string { return label })
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"status":"green:power","reset":408}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(p.Encode()); err != nil || again != p {
			t.Fatalf("%+v is read back as %+v, %v", p, again, err)
		}
	})
}
