package netcfg

import (
	"cmp"

	"bantam/netcfg/wifi"
	"bantam/system"
)

// withoutRadios takes the links of access points that are not such yet for ports that are not there: until then they are
// hostapd's, who sets them up, and no bridge takes them.
func (w *DesiredState) withoutRadios() {
	for i, p := range w.Ports {
		if p.Net.IsAP() && !w.sessions[system.RadioOf(p.Name, p.Net.Wifi)].AP {
			w.Ports[i].Present = false
		}
	}
}

// wifiLacks says what a radio's network waits for; there: its link can be used.
func (w *DesiredState) wifiLacks(p port, there bool) string {
	fact := w.sessions[system.RadioOf(p.Name, p.Net.Wifi)]
	if fact.Up && there {
		return ""
	}
	return cmp.Or(fact.Reason, wifi.Kind+": "+wifi.Opening)
}
