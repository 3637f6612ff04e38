// Package system is what system.toml says: the wanted machine as plain data.
//
// Parse reads the text, checks it as a whole and reports every fault at once,
// with position and suggestion. The package does no I/O, knows nothing of the
// host it runs on and is imported by everything else; it imports none of it.
package system

import "time"

// System is one machine as its system.toml describes it, defaults filled in.
type System struct {
	Hostname string             `toml:"hostname" doc:"name of this machine, e.g. \"router-1\"" default:"bantam"`
	Version  int                `toml:"version" doc:"number of this release; a machine with [trust] keys takes no lower one from elsewhere, e.g. 7"`
	Modules  []string           `toml:"modules" doc:"kernel modules to load at boot beside those that the hardware asks for, e.g. [\"wireguard\"]"`
	Packages []string           `toml:"packages" doc:"packages of Debian to carry, for the board's architecture, e.g. [\"mosquitto\", \"tcpdump\"]"`
	Sysctl   Sysctl             `toml:"sysctl" doc:"kernel parameters by name, e.g. net.ipv4.ip_forward = 1"`
	DNS      DNS                `toml:"dns" doc:"name servers, and what is known of names here"`
	Time     Time               `toml:"time" doc:"where the clock gets the time from, and how it is shown"`
	Net      map[string]Net     `toml:"net" doc:"network ports by name, e.g. eth0; with none, all use DHCP and IPv6; with one, only named ones are used"`
	Hosts    map[string]Host    `toml:"host" doc:"machines that always get the same address by DHCP, by the name that they have in DNS"`
	Zones    map[string]Zone    `toml:"zone" doc:"what the machines of a zone may do; wan and lan need none, e.g. [zone.guest]"`
	Forwards map[string]Forward `toml:"forward" doc:"ports of the external address that others serve, e.g. \"tcp/443\" = { to = \"192.168.1.10\" }"`
	Firewall Firewall           `toml:"firewall" doc:"rules of one's own, for what zones cannot say"`
	Package  map[string]Package `toml:"package" doc:"what is to be said of a package beyond its name, e.g. [package.mosquitto]"`
	Programs map[string]Program `toml:"program" doc:"programs of your own to carry, by the name that they get in /usr/bin"`
	Users    map[string]User    `toml:"user" doc:"users that services may run as and people log in as, beside root and nobody"`
	Groups   map[string]Group   `toml:"group" doc:"groups of users, beside those that each user has for itself"`
	Console  Console            `toml:"console" doc:"who may work at the consoles: a serial line, or keyboard and screen"`
	SSH      SSH                `toml:"ssh" doc:"who may log in over the network: those who have authorized_keys; with none, nothing listens"`
	Files    map[string]File    `toml:"file" doc:"files to make, by path, e.g. [file.\"/etc/motd\"]; each boot and each switch makes them anew"`
	Services map[string]Service `toml:"service" doc:"programs to keep running"`
	Checks   map[string]Check   `toml:"check" doc:"commands that must succeed before a new generation is trusted"`
	Proof    Proof              `toml:"proof" doc:"what a new generation must show before it is trusted"`
	Trust    Trust              `toml:"trust" doc:"who may give this machine generations"`
}

// Sysctl maps a parameter's name as sysctl(8) prints it, e.g. net.ipv4.ip_forward or
// net.ipv4.conf.eth0/103.rp_filter, to its value.
// In the file the name may be quoted or nested, the value a string, integer or boolean.
type Sysctl map[string]string

// Net is the wish for one network port, or for a link that is made; its name in the map is the interface name, e.g. eth0.
type Net struct {
	IPv4        string   `toml:"ipv4" values:"dhcp,static,off" doc:"\"dhcp\" (ask the network, also beside addresses), \"static\" (only addresses) or \"off\" (none)" default:"dhcp, or static when an IPv4 address is given"`
	IPv6        string   `toml:"ipv6" values:"auto,dhcp,static,off" doc:"\"auto\" (as routers say), \"dhcp\" (DHCPv6 whatever routers say), \"static\" (only addresses) or \"off\" (none)" default:"auto, or static when it serves ra or has subnet6 or ula"`
	Prefix      string   `toml:"prefix" values:"delegate" doc:"\"delegate\" (asks by DHCPv6 for an IPv6 prefix, for ports with subnet6)"`
	Subnet6     *int     `toml:"subnet6" doc:"number of this port's network in each delegated prefix, 0 to 65535, e.g. 0"`
	ULA         bool     `toml:"ula" doc:"true: an IPv6 network of this machine's own (fd..., RFC 4193) that no provider changes" default:"false"`
	Addresses   []string `toml:"addresses" doc:"fixed addresses with prefix length, e.g. [\"192.168.1.2/24\", \"fd00::2/64\"]"`
	Gateway     string   `toml:"gateway" doc:"the router to everywhere, IPv4, e.g. \"192.168.1.1\""`
	Gateway6    string   `toml:"gateway6" doc:"the router to everywhere, IPv6, e.g. \"fe80::1\""`
	Routes      []Route  `toml:"routes" doc:"further routes, e.g. [{ to = \"10.0.0.0/8\", via = \"192.168.1.254\" }]"`
	Metric      int      `toml:"metric" doc:"of two ports that lead to one place the lower metric is used, 1 to 1000000, e.g. 50" default:"by its name: eth0 100, eth1 101, wlan0 600"`
	DHCPServers []string `toml:"dhcp_servers" doc:"the only DHCP servers that are believed, by address, e.g. [\"192.168.1.1\"]" default:"any"`
	LinkLocal   bool     `toml:"link_local" doc:"true: takes an address of 169.254.0.0/16 (RFC 3927) while no DHCP server gives one" default:"false"`
	MTU         int      `toml:"mtu" doc:"largest packet in bytes, 68 to 65535; IPv6 needs 1280" default:"the driver's; 1492 of a session"`
	Zone        string   `toml:"zone" doc:"zone of the firewall, e.g. \"wan\" or \"lan\"; once one has a zone, nothing is let through that is not allowed"`
	Rules       []Rule   `toml:"rules" doc:"which packets take which routing table, e.g. [{ from = \"192.168.2.0/24\", table = 100 }]"`
	Shape       *Shape   `toml:"shape" doc:"limits a line, so that nobody on it waits for others, e.g. { down = \"90 Mbit\", up = \"19 Mbit\" }"`
	Optional    bool     `toml:"optional" doc:"true: the proof of a new generation does not wait for this port" default:"false"`

	// At most one of these says that the link is made, and how; see Kind.
	Match   *Match   `toml:"match" doc:"which port gets this name, for names that stay whatever the kernel calls its ports"`
	Bridge  *Bridge  `toml:"bridge" doc:"makes a switch of ports, e.g. { ports = [\"eth1\", \"eth2\"] }"`
	VLAN    *VLAN    `toml:"vlan" doc:"makes a port for one VLAN, e.g. { parent = \"eth0\", id = 7 }"`
	Bond    *Bond    `toml:"bond" doc:"makes one port of several, e.g. { ports = [\"eth0\", \"eth1\"] }"`
	Dummy   bool     `toml:"dummy" doc:"true: makes a link that leads nowhere, for addresses that are always there" default:"false"`
	Veth    *Veth    `toml:"veth" doc:"makes a cable between two links of this machine, e.g. { peer = \"inner\" }"`
	Macvlan *Macvlan `toml:"macvlan" doc:"makes a second MAC address on a port, e.g. { parent = \"eth0\" }"`
	VRF     *VRF     `toml:"vrf" doc:"makes a routing table of its own for links, e.g. { table = 10, ports = [\"eth1\"] }"`
	VXLAN   *VXLAN   `toml:"vxlan" doc:"makes an Ethernet that is carried in UDP, e.g. { id = 42, remote = \"192.0.2.2\" }"`
	PPPoE   *PPPoE   `toml:"pppoe" doc:"opens a session with a provider, who gives the addresses, e.g. { port = \"eth0\", ... }"`
	Tunnel  *Tunnel  `toml:"tunnel" doc:"makes a tunnel, e.g. { kind = \"gre\", local = \"192.0.2.1\", remote = \"198.51.100.2\" }"`

	WireGuard *WireGuard `toml:"wireguard" doc:"makes an encrypted tunnel, e.g. { listen_port = 51820 }, with a table for each peer"`

	Wifi *Wifi `toml:"wifi" doc:"joins a Wi-Fi network or is an access point, e.g. { ssid = \"home\", passphrase = { secret = \"wifi\" } }"`

	Serve Serve `toml:"serve" doc:"what it does for the machines behind it, e.g. { dhcp = \"100-199\", ra = true, dns = true }"`
}

// Route is one static route.
type Route struct {
	To     string `toml:"to" doc:"destination, e.g. \"10.0.0.0/8\", or \"default\" for all others"`
	Via    string `toml:"via" doc:"address of the router that leads there; without it the destination is on this link itself"`
	Metric int    `toml:"metric" doc:"of two routes to one destination the lower metric wins" default:"the port's own"`
	Table  int    `toml:"table" doc:"number of the routing table, 1 to 2147483647, e.g. 100, for rules" default:"the main one, or that of the port's VRF"`
	Type   string `toml:"type" values:"unicast,unreachable,blackhole,prohibit" doc:"\"unicast\" (a way), or none: \"unreachable\" (answered so), \"blackhole\" (no answer), \"prohibit\" (forbidden)" default:"unicast"`
}

// User is an account: of services, of a person, or of both; its name in the map is the one it logs in with.
//
// Of root, who is always there, only Shell, AuthorizedKeys and Password can be said. After Parse every field has its
// value: nothing else knows a default.
type User struct {
	UID            int      `toml:"uid" doc:"number of the user, 1 to 65532, e.g. 1000"`
	GID            int      `toml:"gid" doc:"number of its group, 1 to 65532" default:"that of the group of its name, else the uid"`
	Groups         []string `toml:"groups" doc:"further groups that it is in, e.g. [\"operator\"], who may change the machine"`
	Home           string   `toml:"home" doc:"folder of its own, e.g. \"/srv/anna\"" default:"/home/NAME for who logs in, else /var/empty"` // an absolute path
	HomeIn         string   `toml:"home_in" values:"memory,state" doc:"\"memory\" (the next boot forgets its home) or \"state\" (its home lasts, on the state volume)" default:"memory"`
	Shell          string   `toml:"shell" doc:"program of its sessions, a whole path" default:"/bin/sh for who logs in, else /bin/false"`
	AuthorizedKeys []string `toml:"authorized_keys" doc:"public keys that open it over the network, lines of .pub files, e.g. [\"ssh-ed25519 AAAAC3Nz...\"]" diff:"keys"` // each passes checkKey: type, base64, perhaps a comment
	Password       string   `toml:"password" doc:"hash of its password, for consoles only, as bantam password prints it, e.g. \"$y$j8T$...\"" diff:"hash"`
}

// LogsIn says whether a person may work as this user; others are for services.
func (u User) LogsIn() bool { return len(u.AuthorizedKeys) > 0 || u.Password != "" }

// Group is a group of users; its name in the map is its own.
type Group struct {
	GID int `toml:"gid" doc:"number of the group, 1 to 65532, e.g. 2000"`
}

// Console says who may work at the machine's consoles.
type Console struct {
	Login string                  `toml:"login" values:"root,password,none" doc:"\"root\" (whoever sits there), \"password\" (who has one, as their user) or \"none\" (nobody)" default:"root"`
	Named map[string]ConsoleLogin `toml:"*" doc:"one console, by the name of its terminal below /dev, e.g. ttyS0 or tty1"`
}

// ConsoleLogin is Console for one of them.
type ConsoleLogin struct {
	Login string `toml:"login" values:"root,password,none" doc:"as in [console]: \"root\" (whoever sits there), \"password\" (who has one) or \"none\" (nobody)"`
}

// Values of Console.Login.
const (
	LoginRoot     = "root"
	LoginPassword = "password"
	LoginNone     = "none"
)

// LoginAt is who may work at the console of that name, e.g. ttyS0: one of the values of Login.
func (c Console) LoginAt(name string) string {
	if own := c.Named[name].Login; own != "" {
		return own
	}
	if c.Login == "" {
		return LoginRoot
	}
	return c.Login
}

// Package is how a package of Debian is carried; its name in the map is that of the package.
type Package struct {
	Closure string   `toml:"closure" values:"libraries,depends" doc:"\"libraries\" (its own files and the libraries that these load) or \"depends\" (every package that it depends on)" default:"libraries"`
	Exclude []string `toml:"exclude" doc:"files and folders of the package to leave out, e.g. [\"/usr/share/fonts\"]"`

	// Of a package that is carried without being named.
	Only    []string `toml:"-"` // patterns, as of package path, of its files that are needed; nil: all
	Without []string `toml:"-"` // packages of plug-ins that are not
}

// Program is a program of the owner's own; its name in the map is the one that it gets in /usr/bin.
type Program struct {
	Go   string   `toml:"go" doc:"a Go program to build for the board, as path@version, e.g. \"github.com/prometheus/node_exporter@v1.12.1\""`
	Tags []string `toml:"tags" doc:"build tags for go, e.g. [\"netgo\"]"`
	File string   `toml:"file" doc:"or a file beside system.toml; {arch} is Go's name of the board's architecture, e.g. \"dist/sensor-{arch}\""`
}

// File is one file, or with source also a folder; its name in the map is its path.
type File struct {
	Text     Value    `toml:"text" doc:"what is in it; three quotes around it let it have several lines" diff:"size"`
	Source   string   `toml:"source" doc:"in place of text: a file or folder beside system.toml, e.g. \"site\"; outside of /etc it is read-only"`
	Mode     string   `toml:"mode" doc:"its rights as an octal number, e.g. \"0600\"" default:"0644, or 0600 with a secret"`
	Owner    string   `toml:"owner" doc:"user that it belongs to: root, nobody or one that has a [user.NAME]" default:"root"`
	Group    string   `toml:"group" doc:"group that it belongs to in place of its owner's, e.g. one that has a [group.NAME]"`
	Restarts []string `toml:"restarts" doc:"services to restart when it changes, beside those whose command names its path"`
	Reloads  []string `toml:"reloads" doc:"services that get their reload_signal instead when it changes"`
}

// Service is one supervised program.
type Service struct {
	Command      []string         `toml:"command" doc:"program and its arguments, each a string of its own, e.g. [\"sh\", \"-c\", \"...\"]"`
	User         string           `toml:"user" doc:"user to run as: root, nobody or one that has a [user.NAME]" default:"root"`
	Capabilities Capabilities     `toml:"capabilities" doc:"rights of root that it keeps, or has beside its user's, e.g. [\"net_bind_service\"]; [] is none" default:"all for root, none for others"`
	Dir          string           `toml:"dir" doc:"directory to start in, e.g. \"/run/web\"" default:"/"`
	Env          map[string]Value `toml:"env" doc:"variables of its environment beside PATH, HOME and USER, e.g. { LANG = \"C.UTF-8\" }"`
	State        []string         `toml:"state" doc:"folders of its user that last, on the state volume, e.g. [\"/var/lib/mosquitto\"]"`
	Memory       Size             `toml:"memory" doc:"most memory that it may take, e.g. \"64M\"; beyond that it is killed" default:"what services may take together"`
	Tasks        int              `toml:"tasks" doc:"most processes and threads that it may have, 16 or more; a command of Bantam's own has up to eight threads" default:"a quarter of what services may have together"`
	Needs        []string         `toml:"needs" doc:"services (or \"network\", \"time\") that must be ready first; it stops when one of them does"`
	Wants        []string         `toml:"wants" doc:"services to start as well and to wait for; they may fail"`
	After        []string         `toml:"after" doc:"services to wait for if they are started anyway"`
	Ready        string           `toml:"ready" default:"started"` // its doc is of lifecycle.Readinesses
	Restart      string           `toml:"restart" values:"always,on-failure,never" doc:"when it has ended: \"always\" (start it again), \"on-failure\" (not after status 0) or \"never\" (leave it)" default:"always; never for one-shots"`
	StartTimeout Duration         `toml:"start_timeout" doc:"time to become ready; then its start has failed" default:"30s"`
	StopTimeout  Duration         `toml:"stop_timeout" doc:"time to end after the stop signal; then it is killed" default:"10s"`
	StopSignal   string           `toml:"stop_signal" doc:"signal that asks it to end" default:"TERM"`
	OnChange     string           `toml:"on_change" values:"restart,reload,none" doc:"when its lines here change: \"restart\" (stop, start), \"reload\" (send reload_signal) or \"none\" (keep it)" default:"restart"`
	ReloadSignal string           `toml:"reload_signal" doc:"signal that makes it read its own configuration again" default:"HUP"`
	MayFail      bool             `toml:"may_fail" doc:"true: a new generation is trusted even if this service fails" default:"false"`
}

// Check is one of the user's own proofs.
type Check struct {
	Command []string `toml:"command" doc:"program and its arguments; exit status 0 is success, e.g. [\"ping\", \"-c\", \"1\", \"9.9.9.9\"]"`
	User    string   `toml:"user" doc:"user to run as: root, nobody or one that has a [user.NAME]" default:"root"`
	Timeout Duration `toml:"timeout" doc:"time for one try; there are more until proof.timeout is over" default:"10s"`
}

// Proof says what must be seen before a generation becomes the boot default.
type Proof struct {
	Network NetworkProof `toml:"network" values:"auto,required,off" doc:"\"auto\" (connected as before), \"required\" (connected), \"off\" (no matter), or e.g. [\"wan/ipv4\", \"lan\"]" default:"auto"`
	Timeout Duration     `toml:"timeout" doc:"time for everything to be ready" default:"60s"`
	Settle  Duration     `toml:"settle" doc:"time that services must stay up once they are ready" default:"2s"`
}

// Trust says whose generations are taken; what is edited on the machine itself needs no signature.
type Trust struct {
	Keys []string `toml:"keys" doc:"public keys, one of which must have signed, as bantam keygen prints them, e.g. [\"MCowBQYDK2Vw...\"]" default:"everybody's generations are taken"`
}

// Duration is a time.Duration written as in Go, e.g. "90s" or "1m30s".
type Duration time.Duration

// IsOwnService says whether a service is there without a [service.NAME], to be waited for.
func IsOwnService(name string) bool { return name == NetworkService || name == TimeService }

// NetworkService is the name under which services depend on the network being up.
const NetworkService = "network"
