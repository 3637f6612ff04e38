package serial

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestLinesAreThoseWithHardware(t *testing.T) {
	sys, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const (
		usb  = "devices/pci0000:00/0000:00:14.0/usb1/1-2/"
		uart = "devices/pnp0/00:01/"
	)
	for name, text := range map[string]string{
		usb + "manufacturer": "FTDI\n", usb + "product": "FT232R USB UART\n", usb + "serial": "A50285BI\n",
		usb + "1-2:1.0/ttyUSB10/tty/x": "", usb + "1-2:1.0/ttyUSB2/tty/x": "", "bus/usb-serial/drivers/ftdi_sio/x": "", "bus/pnp/drivers/serial/x": "",
		uart + "x": "", "devices/virtual/tty/tty0/dev": "4:0\n", "devices/platform/serial8250/x": "",
		"class/tty/ttyS0/type": "4\n", "class/tty/ttyS1/type": "0\n",
	} {
		path := filepath.Join(sys, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, link := range [][2]string{
		{"class/tty/ttyUSB10/device", usb + "1-2:1.0/ttyUSB10"}, {"class/tty/ttyUSB2/device", usb + "1-2:1.0/ttyUSB2"},
		{usb + "1-2:1.0/ttyUSB10/driver", "bus/usb-serial/drivers/ftdi_sio"}, {usb + "1-2:1.0/ttyUSB2/driver", "bus/usb-serial/drivers/ftdi_sio"},
		{"class/tty/ttyS0/device", uart}, {uart + "driver", "bus/pnp/drivers/serial"}, {"class/tty/ttyS1/device", "devices/platform/serial8250"},
	} {
		path := filepath.Join(sys, link[0])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(sys, link[1]), path); err != nil {
			t.Fatal(err)
		}
	}
	want := "[{/dev/ttyUSB2 ftdi_sio FTDI FT232R USB UART A50285BI} {/dev/ttyUSB10 ftdi_sio FTDI FT232R USB UART A50285BI} {/dev/ttyS0 serial  }]"
	if got := fmt.Sprint(portsBelow(sys)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := portsBelow(filepath.Join(sys, "nothing")); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
