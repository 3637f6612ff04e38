package system

import (
	"slices"
	"strings"

	"bantam/system/syntax"
)

// Capabilities are rights of root by their names, small and without CAP_. Nil, where the
// file says nothing, is not the empty list, which takes all of them.
type Capabilities []string

// CapabilityNames are all names, at the index that is their number in the kernel
// (linux/capability.h).
var CapabilityNames = []string{
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
	"linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
	"sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
	"sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
	"mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
	"checkpoint_restore",
}

// Numbers are the kernel's; nil for nil, and empty for what is empty.
func (c Capabilities) Numbers() []int {
	if c == nil {
		return nil
	}
	numbers := []int{}
	for _, name := range c {
		numbers = append(numbers, slices.Index(CapabilityNames, name))
	}
	return numbers
}

func (r *reader) checkCapabilities(list *syntax.Node, at string, names Capabilities) {
	for i, name := range names {
		n := list.Item(i)
		if !ok(n) || slices.Contains(CapabilityNames, name) {
			continue
		}
		bare := strings.TrimPrefix(strings.ReplaceAll(strings.ToLower(name), "-", "_"), "cap_")
		suggestion := "write e.g. \"net_bind_service\"; capabilities = [] is none of them"
		if slices.Contains(CapabilityNames, bare) {
			suggestion = "write " + syntax.Quote(bare)
		} else if near := didYouMean(bare, CapabilityNames); near != "" {
			suggestion = near
		}
		r.fail(n, suggestion, "%s: %q is not a capability", at, name)
	}
}
