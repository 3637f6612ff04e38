package control

import (
	"time"

	"bantam/init/supervise"
	"bantam/netcfg"
	"bantam/switcher"
)

// Status is the answer to "status".
type Status struct {
	Hostname   string            `json:"hostname"`
	Version    string            `json:"version"` // of Bantam
	Board      string            `json:"board"`
	Kernel     string            `json:"kernel"`
	Uptime     time.Duration     `json:"uptime"`
	Generation int               `json:"generation"` // the running one
	State      switcher.State    `json:"state"`
	Default    int               `json:"default"` // what the next boot runs; 0: the image's own
	Tries      int               `json:"tries"`   // number of the generation that the next boot tries, 0: none
	Why        string            `json:"why"`     // the reason for what runs
	Busy       string            `json:"busy,omitempty"`
	Last       string            `json:"last,omitempty"`  // how the last switch ended
	Storage    string            `json:"storage"`         // where the state is kept
	Lasting    bool              `json:"lasting"`         // the state survives a reboot
	Watchdog   string            `json:"watchdog"`        // e.g. "i6300ESB timer, 1m0s"
	Notes      []string          `json:"notes,omitempty"` // what went wrong at boot and is worth knowing
	Network    *netcfg.Status    `json:"network,omitempty"`
	Services   []supervise.State `json:"services"`
}

// Draft is the answer to "draft".
type Draft struct {
	Text       string `json:"text"`
	Changed    bool   `json:"changed"`    // it differs from the running generation
	Generation int    `json:"generation"` // the running one
}

// Generation is one row of the answer to "generations".
type Generation struct {
	switcher.Entry
	Marks []string `json:"marks,omitempty"` // running, default, previous, booted, next
}
