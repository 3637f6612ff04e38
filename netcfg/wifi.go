package netcfg

import (
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
	radio := system.RadioOf(p.Name, p.Net.Wifi)
	if w.sessions[radio].Up && there {
		return ""
	}
	return w.notUp(system.Session{Port: radio, Kind: "wifi"}, wifi.Kind, wifi.Opening)
}
