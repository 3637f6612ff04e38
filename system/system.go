// Package system is what system.toml says: the wanted machine as plain data.
//
// Parse reads the text, checks it as a whole and reports every fault at once,
// with position and suggestion. The package does no I/O, knows nothing of the
// host it runs on and is imported by everything else; it imports none of it.
package system

import "time"

// System is one machine as its system.toml describes it, defaults filled in.
type System struct {
	Hostname string             `toml:"hostname" doc:"name of the machine" default:"bantam"`
	Modules  []string           `toml:"modules" doc:"kernel modules to load at boot beside those the hardware asks for, e.g. [\"wireguard\"]"`
	Sysctl   Sysctl             `toml:"sysctl" doc:"kernel parameters, e.g. net.ipv4.ip_forward = 1"`
	DNS      DNS                `toml:"dns" doc:"name servers beside those that the network announces"`
	Net      map[string]Net     `toml:"net" doc:"network ports by interface name; with none, every Ethernet port uses DHCP and router advertisements"`
	Users    map[string]User    `toml:"user" doc:"users that services may run as, beside root and nobody"`
	Services map[string]Service `toml:"service" doc:"programs to keep running"`
	Checks   map[string]Check   `toml:"check" doc:"commands that must succeed before a new generation is trusted"`
	Proof    Proof              `toml:"proof" doc:"what a new generation must show before it is trusted"`
}

// Sysctl maps a parameter's dotted name, e.g. net.ipv4.ip_forward, to its value.
// In the file the name may be quoted or nested, the value a string, integer or boolean.
type Sysctl map[string]string

// DNS is the static part of resolv.conf.
type DNS struct {
	Servers []string `toml:"servers" doc:"addresses of name servers, asked before those learned from the network, e.g. [\"9.9.9.9\"]"`
	Search  []string `toml:"search" doc:"domains tried for short names"`
}

// Net is the wish for one network port; its name in the map is the interface name, e.g. eth0.
type Net struct {
	IPv4      string   `toml:"ipv4" values:"dhcp,static,off" doc:"\"dhcp\", \"static\" or \"off\"" default:"dhcp, or static when an IPv4 address is given"`
	IPv6      string   `toml:"ipv6" values:"auto,static,off" doc:"\"auto\" (router advertisements), \"static\" or \"off\"" default:"auto"`
	Addresses []string `toml:"addresses" doc:"fixed addresses with prefix length, e.g. [\"192.168.1.2/24\"]"`
	Gateway   string   `toml:"gateway" doc:"IPv4 default gateway, e.g. \"192.168.1.1\""`
	Gateway6  string   `toml:"gateway6" doc:"IPv6 default gateway, e.g. \"fe80::1\""`
	Routes    []Route  `toml:"routes" doc:"further routes, e.g. [{ to = \"10.0.0.0/8\", via = \"192.168.1.254\" }]"`
	MTU       int      `toml:"mtu" doc:"largest packet in bytes, 68 to 65535" default:"the driver's"`
	Optional  bool     `toml:"optional" doc:"true: the proof of a new generation does not wait for this port" default:"false"`
}

// Route is one static route.
type Route struct {
	To     string `toml:"to" doc:"destination, e.g. \"10.0.0.0/8\" or \"default\""`
	Via    string `toml:"via" doc:"gateway; without one the destination is on the link"`
	Metric int    `toml:"metric" doc:"lower wins" default:"the port's own"`
}

// User is an account for services; nobody logs in with it.
type User struct {
	UID int `toml:"uid" doc:"number of the user, 1 to 65532"`
	GID int `toml:"gid" doc:"number of its group" default:"the uid"`
}

// Service is one supervised program.
type Service struct {
	Command      []string          `toml:"command" doc:"program and arguments, e.g. [\"sh\", \"-c\", \"...\"]"`
	User         string            `toml:"user" doc:"user to run as" default:"root"`
	Dir          string            `toml:"dir" doc:"working directory" default:"/"`
	Env          map[string]string `toml:"env" doc:"environment beside PATH, HOME and USER"`
	Needs        []string          `toml:"needs" doc:"services (or \"network\") that must be ready first; losing one stops this one"`
	Wants        []string          `toml:"wants" doc:"services started too and waited for, but they may fail"`
	After        []string          `toml:"after" doc:"services to wait for only if they are started anyway"`
	Ready        string            `toml:"ready" doc:"\"started\", \"exited\" (a one-shot), \"notify\" (newline on descriptor $NOTIFY_FD) or \"tcp/PORT\" (it listens there)" default:"started"`
	Restart      string            `toml:"restart" values:"always,on-failure,never" doc:"\"always\", \"on-failure\" or \"never\"" default:"always; never for one-shots"`
	StartTimeout Duration          `toml:"start_timeout" doc:"time to become ready" default:"30s"`
	StopTimeout  Duration          `toml:"stop_timeout" doc:"time between the stop signal and SIGKILL" default:"10s"`
	StopSignal   string            `toml:"stop_signal" doc:"signal that asks it to end" default:"TERM"`
	OnChange     string            `toml:"on_change" values:"restart,reload,none" doc:"\"restart\", \"reload\" (send reload_signal) or \"none\" when its definition changes" default:"restart"`
	ReloadSignal string            `toml:"reload_signal" doc:"signal that makes it read its configuration again" default:"HUP"`
	MayFail      bool              `toml:"may_fail" doc:"true: its failure does not fail a switch" default:"false"`
}

// Check is one of the user's own proofs.
type Check struct {
	Command []string `toml:"command" doc:"program and arguments; exit status 0 is success"`
	Timeout Duration `toml:"timeout" doc:"time it may take; it is repeated until the proof times out" default:"10s"`
}

// Proof says what must be seen before a generation becomes the boot default.
type Proof struct {
	Network string   `toml:"network" values:"auto,required,off" doc:"\"auto\" (as connected as before the switch), \"required\" or \"off\"" default:"auto"`
	Timeout Duration `toml:"timeout" doc:"time for everything to be ready" default:"60s"`
	Settle  Duration `toml:"settle" doc:"time that services must stay up once ready" default:"2s"`
}

// Duration is a time.Duration written as in Go, e.g. "90s" or "1m30s".
type Duration time.Duration

// NetworkService is the name under which services depend on the network being up.
const NetworkService = "network"
