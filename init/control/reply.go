package control

import (
	"encoding/json"
	"time"

	"bantam/init/remote"
	"bantam/init/supervise"
	"bantam/netcfg"
	"bantam/switcher"
	"bantam/timesync"
)

// Status is the answer to "status".
type Status struct {
	Hostname   string            `json:"hostname"`
	Version    string            `json:"version"` // of Bantam
	Board      string            `json:"board"`
	Kernel     string            `json:"kernel"`
	Uptime     time.Duration     `json:"uptime"`
	Began      time.Duration     `json:"began"`              // PID 1, as Uptime
	Generation int               `json:"generation"`         // the running one
	Starting   int               `json:"starting,omitempty"` // the one that has been chosen, while none runs
	State      switcher.State    `json:"state"`              // of either
	Default    int               `json:"default"`            // what the next boot runs; 0: the image's own
	Tries      int               `json:"tries"`              // number of the generation that the next boot tries, 0: none
	Why        string            `json:"why"`                // the reason for what runs
	Busy       string            `json:"busy,omitempty"`
	Confirms   bool              `json:"confirms,omitempty"` // that waits for "confirm"
	Left       time.Duration     `json:"left,omitempty"`     // of the time for that
	Patience   time.Duration     `json:"patience,omitempty"` // for so long, once it is proven; 0: it need not be confirmed
	Last       string            `json:"last,omitempty"`     // how the last switch ended
	Storage    string            `json:"storage"`            // where the state is kept
	Lasting    bool              `json:"lasting"`            // the state survives a reboot
	Boot       Boot              `json:"boot"`
	Watchdog   string            `json:"watchdog"`        // e.g. "i6300ESB timer, 1m0s"
	Notes      []string          `json:"notes,omitempty"` // what went wrong at boot and is worth knowing
	Network    *netcfg.Status    `json:"network,omitempty"`
	SSH        *SSH              `json:"ssh,omitempty"` // nil: nobody may log in
	Services   []supervise.State `json:"services"`
}

// SSH is who may come in over the network.
type SSH struct {
	At          []string         `json:"at"`          // where the machine listens, e.g. "[::]:22"
	Fingerprint string           `json:"fingerprint"` // of the host's key; "" while there is none yet
	Lasting     bool             `json:"lasting"`     // the next boot has the same key
	Sessions    []remote.Session `json:"sessions,omitempty"`
}

// TimeStatus is the answer to "time".
type TimeStatus struct {
	Now     time.Time      `json:"now"`
	Uptime  time.Duration  `json:"uptime"`            // by which the times of State count
	Zone    string         `json:"zone"`              // e.g. "Europe/Berlin"
	Origin  string         `json:"origin"`            // of the clock's time at boot
	Stopped bool           `json:"stopped,omitempty"` // by a person
	Servers []NamedServer  `json:"servers"`
	State   timesync.State `json:"state"`
}

// NamedServer is a time server, or a pool.
type NamedServer struct {
	Name string `json:"name"`
	From string `json:"from"` // "system.toml" or "DHCP"
}

// Draft is the answer to "draft".
type Draft struct {
	Text       string `json:"text"`
	Changed    bool   `json:"changed"`    // it differs from the running generation
	Generation int    `json:"generation"` // the running one
}

// draftFields are a Draft's, without its methods.
type draftFields Draft

// draftWire is a Draft whose text travels as it is: a JSON string would replace
// bytes that are not UTF-8, and with them the fault.
type draftWire struct {
	draftFields
	Text []byte `json:"text"`
}

// MarshalJSON keeps every byte of the text.
func (d Draft) MarshalJSON() ([]byte, error) {
	return json.Marshal(draftWire{draftFields(d), []byte(d.Text)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *Draft) UnmarshalJSON(data []byte) error {
	var w draftWire
	err := json.Unmarshal(data, &w)
	*d = Draft(w.draftFields)
	d.Text = string(w.Text)
	return err
}

// GenerationDescription is the answer to "describe".
type GenerationDescription struct {
	switcher.Description
	Marks []string `json:"marks,omitempty"` // as in Generation
}

// Generation is one row of the answer to "generations".
type Generation struct {
	switcher.Entry
	Marks []string `json:"marks,omitempty"` // running, default, booted, previous, image, tried next, pinned, passed over, started by slot B, in slot B, other kernel
}
