package netcfg

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// publish writes status.json and resolv.conf, and says once that we are online.
func (d *daemon) publish(wish Wish, have State) {
	reasons := map[string]string{}
	for _, p := range wish.Ports {
		if c := d.clients[p.Name]; c != nil {
			reasons[p.Name] = c.client.Reason()
		} else if p.Net.IPv4 == "dhcp" {
			reasons[p.Name] = "DHCP: not started"
		}
	}
	booted := bootedAt()
	status := report(wish, have, reasons, func(at time.Duration) time.Time { return booted.Add(at).Round(time.Second) })
	status.Config, status.BootedAt = d.hash, booted.Round(time.Second)
	// The status comes last: who reads in it that we are online finds resolv.conf in place.
	err := writeFile(filepath.Join(d.options.dir, "resolv.conf"), []byte(resolvConf(wish.DNS, wish.Search)))
	text, failed := json.MarshalIndent(status, "", "  ")
	if failed == nil {
		failed = writeFile(filepath.Join(d.options.dir, "status.json"), append(text, '\n'))
	}
	if err = errors.Join(err, failed); err != nil {
		d.logf("%v", err)
	}
	if status.Online && !d.ready {
		d.ready = true
		if d.options.notify >= 0 {
			unix.Write(d.options.notify, []byte{'\n'})
			unix.Close(d.options.notify)
		}
	}
}
