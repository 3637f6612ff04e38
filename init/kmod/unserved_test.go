package kmod

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const networkTable = `# linux-image-6.1 6.1.1-1
alias pci:v000010ECd00008139sv*sd*bc*sc*i* 8139cp
alias pci:v000010ECd00008139sv*sd*bc*sc*i* 8139too
alias pci:v000010ECd00008139sv000013D1sd0000AB06bc*sc*i* 8139too
alias usb:v0BDAp8153d*dc*dsc*dp*icFFiscFFip00in* r8152
alias platform:dwmac-sun8i dwmac_sun8i
`

func TestCardsWithoutADriver(t *testing.T) {
	const realtek = "pci:v000010ECd00008139sv00001AF4sd00001100bc02sc00i00"
	for _, test := range []struct {
		name    string
		device  Device
		inImage string
		want    string // lines joined by |; "": not told
	}{
		{"a card whose module is left out", Device{"pci", "0000:00:04.0", realtek, true}, "",
			"no driver: pci 0000:00:04.0, 10ec:8139|  modalias  " + realtek + "|  module    8139cp or 8139too of linux-image-6.1 6.1.1-1|" +
				`  Add modules = ["8139cp"] to system.toml and build the image anew.`},
		{"one on a bus that does not say what it is", Device{"usb", "1-1:1.0", "usb:v0BDAp8153d3000dc00dsc00dp00icFFiscFFip00in00", false}, "",
			"no driver: usb 1-1:1.0, 0bda:8153|  modalias  usb:v0BDAp8153d3000dc00dsc00dp00icFFiscFFip00in00|  module    r8152 of linux-image-6.1 6.1.1-1|" +
				`  Add modules = ["r8152"] to system.toml and build the image anew.`},
		{"- and _ are the same", Device{"platform", "5020000.ethernet", "platform:dwmac_sun8i", false}, "",
			"no driver: platform 5020000.ethernet|  modalias  platform:dwmac_sun8i|  module    dwmac_sun8i of linux-image-6.1 6.1.1-1|" +
				`  Add modules = ["dwmac_sun8i"] to system.toml and build the image anew.`},
		{"a card that nobody knows", Device{"pci", "0000:00:05.0", "pci:v00001234d00005678sv0sd0bc02sc00i00", true}, "",
			"no driver: pci 0000:00:05.0, 1234:5678|  modalias  pci:v00001234d00005678sv0sd0bc02sc00i00|  this kernel has no module for it"},
		{"a card that its driver refused", Device{"pci", "0000:00:06.0", "pci:v00008086d0000100Esv0sd0bc02sc00i00", true}, "e1000",
			"no driver: pci 0000:00:06.0, 8086:100e|  modalias  pci:v00008086d0000100Esv0sd0bc02sc00i00|  e1000 of this image did not take it; `dmesg` may tell why"},
		{"something else", Device{"pci", "0000:00:07.0", "pci:v00001234d00001111sv0sd0bc03sc00i00", false}, "", ""},
	} {
		cards := unserved([]Device{test.device}, networkTable, func(string) []string { return strings.Fields(test.inImage) })
		var got string
		for _, card := range cards {
			got = strings.Join(card.Lines(), "|")
		}
		if got != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
	if got := unserved([]Device{{"pci", "0000:00:04.0", realtek, true}}, "", func(string) []string { return nil }); len(got) != 1 {
		t.Errorf("an image without a table: %v, want the card all the same", got)
	}
}

func TestDeviceIDs(t *testing.T) {
	for alias, want := range map[string]string{
		"pci:v00008086d00001533sv00001849sd00001533bc02sc00i00": "8086:1533",
		"usb:v0BDAp8153d3000dc00dsc00dp00icFFiscFFip00in00":     "0bda:8153",
		"sdio:c00v02D0d4329":                          "02d0:4329",
		"virtio:d00000001v00001AF4":                   "1af4:0001",
		"of:NethernetT(null)Callwinner,sun8i-h3-emac": "",
		"pci:v":    "",
		"usb:vXYZ": "",
		"":         "",
	} {
		if got := deviceID(alias); got != want {
			t.Errorf("%s: %q, want %q", alias, got, want)
		}
	}
}

func TestDriverlessDevicesOfSysfs(t *testing.T) {
	root := t.TempDir()
	put := func(path, text string) {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("pci/devices/0000:00:03.0/modalias", "pci:served")
	put("pci/devices/0000:00:03.0/class", "0x020000")
	if err := os.Symlink(root, filepath.Join(root, "pci/devices/0000:00:03.0/driver")); err != nil {
		t.Fatal(err)
	}
	put("pci/devices/0000:00:04.0/modalias", "pci:network")
	put("pci/devices/0000:00:04.0/class", "0x028000")
	put("pci/devices/0000:00:05.0/modalias", "pci:display")
	put("pci/devices/0000:00:05.0/class", "0x030000")
	put("usb/devices/1-1:1.0/modalias", "usb:x")
	put("virtio/devices/virtio0/modalias", "virtio:d00000001v00001AF4")
	put("virtio/devices/virtio1/modalias", "virtio:d00000002v00001AF4")
	put("platform/devices/reg-dummy/uevent", "DRIVER=reg-dummy")
	want := []Device{
		{"pci", "0000:00:04.0", "pci:network", true}, {"pci", "0000:00:05.0", "pci:display", false}, {"usb", "1-1:1.0", "usb:x", false},
		{"virtio", "virtio0", "virtio:d00000001v00001AF4", true}, {"virtio", "virtio1", "virtio:d00000002v00001AF4", false},
	}
	if got := driverless(root); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}
