package test

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/timesync"
)

// serveTime answers time requests on a port of the host, which machines reach as 10.0.2.2, as a server that is ahead.
func serveTime(t *testing.T, ahead time.Duration) (port int, stop func()) {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		for {
			request := make([]byte, 512)
			n, from, err := conn.ReadFromUDPAddrPort(request)
			if err != nil {
				return
			}
			if n != 48 {
				continue
			}
			b := make([]byte, 48)
			b[0], b[1] = 4<<3|4, 1
			copy(b[24:32], request[40:48])
			now := uint64(timesync.TimestampOf(time.Now().Add(ahead)))
			binary.BigEndian.PutUint64(b[32:], now)
			binary.BigEndian.PutUint64(b[40:], now)
			conn.WriteToUDPAddrPort(b, from)
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).Port, func() { conn.Close() }
}

// A machine whose clock chip says 2001 has the time of its software, then that of a server, and after a power cut that of before.
func TestAMachineWithoutAClockHasTheRightTime(t *testing.T) {
	const ahead = 1000 * 24 * time.Hour
	port, stop := serveTime(t, ahead)
	toml := filepath.Join(t.TempDir(), "system.toml")
	text := fmt.Sprintf("[time]\nservers = [\"10.0.2.2:%d\"]\nzone = \"Asia/Kolkata\"\n"+
		"[service.timed]\ncommand = [\"sh\", \"-c\", \"date +timed-%%Y; exec sleep 100000\"]\nneeds = [\"time\"]\n", port)
	if err := os.WriteFile(toml, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	path := disk(t, filepath.Join(build(t, "pc", toml), "pc.img"))
	args := func() []string { return pc(t, bios, "-drive", virtio(path), "-rtc", "base=2001-01-01") }
	year := fmt.Sprint(time.Now().Add(ahead).Year())

	c := start(t, args())
	c.settled()
	c.must("bantam time", "at boot     build of this software", "set         by a time server", "10.0.2.2", "used", "Asia/Kolkata")
	c.must("date +%Y-%Z", year+"-IST\n")
	c.must("TZ=America/New_York date +%Z; TZ=JST-9 date +%Z", "T\n", "JST\n")
	c.must("bantam log timed", "timed-"+year)
	c.must("hwclock", year)
	c.must("bantam time step; echo code $?", "the clock was set by ", "code 0")
	if out := c.run("ps | grep [t]imesync"); out != "" {
		t.Errorf("who asks for the time still runs:\n%s", out)
	}
	c.must("bantam status", "timed", "online")
	c.write("/root/utc.toml", strings.Replace(text, "Asia/Kolkata", "UTC", 1))
	c.must("bantam plan /root/utc.toml", "remove file /etc/localtime", `time.zone: "Asia/Kolkata" -> "UTC"`)
	c.must("bantam switch /root/utc.toml; date +%Z; echo code $?", "UTC\n", "code 0")
	c.PowerCut()

	stop() // nobody tells the time now
	c = start(t, args())
	c.must("bantam time", "at boot     saved at the last run", "set         not yet")
	c.must("date +%Y-%Z", year+"-UTC\n")
	c.waitFor("bantam status", "the clock is not set, and needed by timed: 10.0.2.2:")
}
