package system

// ParameterDefault is a kernel parameter that Bantam sets at boot, before
// anything of its owner's runs. What [sysctl] says goes before it.
type ParameterDefault struct {
	Name   string // as in [sysctl]; * stands for every network interface, for "all" and for "default"
	Value  string
	Doc    string // what that does
	Unless string // a parameter whose kernels do without this one
}

// ParameterDefaults are safe for a machine on a network with strangers. They are
// in this order set; a kernel without one of them goes without.
var ParameterDefaults = []ParameterDefault{
	{Name: "fs.protected_fifos", Value: "2", Doc: "in folders like /tmp nobody writes into another user's FIFO unknowingly"},
	{Name: "fs.protected_regular", Value: "2", Doc: "nor into another user's file"},
	{Name: "fs.protected_symlinks", Value: "1", Doc: "nor follows another user's link"},
	{Name: "fs.protected_hardlinks", Value: "1", Doc: "nobody makes a hard link to a file that he could not write"},
	{Name: "kernel.kptr_restrict", Value: "1", Doc: "only root sees addresses within the kernel"},
	{Name: "kernel.dmesg_restrict", Value: "1", Doc: "only root sees the kernel's log, to which services' output goes"},
	{Name: "kernel.yama.ptrace_scope", Value: "1", Doc: "a process looks only into those that it has started; root into all"},
	{Name: "kernel.unprivileged_userns_clone", Value: "0", Doc: "only root makes user namespaces"},
	{Name: "user.max_user_namespaces", Value: "0", Doc: "nobody makes user namespaces; on kernels without the parameter above", Unless: "kernel.unprivileged_userns_clone"},
	{Name: "kernel.unprivileged_bpf_disabled", Value: "2", Doc: "only root loads BPF programs"},
	{Name: "kernel.sysrq", Value: "16", Doc: "BREAK on a serial line and SysRq on a keyboard can only have data written to disk"},
	// Of IPv4 the default is also that of all interfaces that have no value of their own.
	{Name: "net.ipv4.conf.all.accept_redirects", Value: "0", Doc: "no stranger changes routes by ICMP redirects"},
	{Name: "net.ipv4.conf.default.accept_redirects", Value: "0", Doc: "likewise"},
	{Name: "net.ipv6.conf.*.accept_redirects", Value: "0", Doc: "likewise, IPv6"},
	{Name: "net.ipv4.conf.all.send_redirects", Value: "0", Doc: "no redirects are sent"},
	{Name: "net.ipv4.conf.default.send_redirects", Value: "0", Doc: "likewise"},
	{Name: "net.ipv4.conf.all.accept_source_route", Value: "0", Doc: "no packet says which way it goes"},
	{Name: "net.ipv4.conf.default.accept_source_route", Value: "0", Doc: "likewise"},
	{Name: "net.ipv6.conf.*.accept_source_route", Value: "-1", Doc: "likewise, IPv6"},
}
