//go:build !mips && !mipsle

package netcfg

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bantam/netcfg/netlab"

	"golang.org/x/sys/unix"
)

// addressClient is a DHCP client at its best: what runs all the time waits for the cable, what is started for it is started as soon as
// the cable is plugged in.
type addressClient struct {
	name   string
	needs  []string
	before func(l *lab) // the cable is not plugged in, eth0 is down
	after  func(l *lab) *exec.Cmd
}

const oneDHCPPort = "[net.eth0]\nipv4 = \"dhcp\"\nipv6 = \"off\"\n"

var addressClients = []addressClient{
	{name: "netcfg, another network", before: func(l *lab) {
		l.Run("rm -f " + l.dir + "/net/remembered " + l.dir + "/net/leases/*")
		l.netcfg(oneDHCPPort)
		l.Shows("ip link show eth0", "UP")
	}},
	{name: "netcfg, the network of before", before: func(l *lab) {
		l.netcfg(oneDHCPPort)
		l.Shows("ip link show eth0", "UP")
	}},
	{name: "udhcpc", needs: []string{"busybox:busybox-static"}, before: upByHand, after: func(l *lab) *exec.Cmd {
		return l.Start("busybox", "udhcpc", "-f", "-i", "eth0", "-s", l.script("udhcpc", `[ "$1" = bound ] && ip addr add $ip/$mask dev eth0 && ip route add default via $router`))
	}},
	{name: "udhcpc -a150, which looks for others", needs: []string{"busybox:busybox-static"}, before: upByHand, after: func(l *lab) *exec.Cmd {
		return l.Start("busybox", "udhcpc", "-a150", "-f", "-i", "eth0", "-s", l.script("udhcpc", `[ "$1" = bound ] && ip addr add $ip/$mask dev eth0 && ip route add default via $router`))
	}},
	{name: "dhclient", needs: []string{"dhclient:isc-dhcp-client"}, before: upByHand, after: func(l *lab) *exec.Cmd {
		os.Remove(l.dir + "/dhclient.leases")
		return l.Start("dhclient", "-4", "-d", "-q", "-cf", "/dev/null", "-lf", l.dir+"/dhclient.leases", "-pf", l.dir+"/dhclient.pid",
			"-sf", l.script("dhclient", `[ "$reason" = BOUND ] && ip addr add $new_ip_address/24 dev eth0 && ip route add default via $new_routers`), "eth0")
	}},
	{name: "networkd", needs: []string{netlab.Networkd + ":systemd"}, before: func(l *lab) {
		l.proc = l.Start(netlab.NetworkdOn(`LinkLocalAddressing=no\nIPv6AcceptRA=no\n`)...)
		l.Shows("ip link show eth0", "UP")
	}},
}

func upByHand(l *lab) { l.ip("link set eth0 up") }

func (l *lab) script(name, text string) string {
	path := filepath.Join(l.dir, name+".script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\nexit 0\n"), 0o755); err != nil {
		l.t.Fatal(err)
	}
	return path
}

// BenchmarkFirstAddress is the time from the cable that is plugged in to an address by DHCP, which the kernel tells of.
func BenchmarkFirstAddress(b *testing.B) {
	for _, c := range addressClients {
		b.Run(strings.ReplaceAll(c.name, " ", "_"), func(b *testing.B) {
			l := newLab(b, append(c.needs, "dnsmasq:dnsmasq-base")...)
			p := l.peer()
			p.In("ip link add srv type bridge; ip addr add 10.1.0.1/24 dev srv; ip link set srv up")
			p.dnsmasq(1)
			p.Shows("cat /proc/net/udp", ":0043 ") // it listens
			var took []float64                     // ms
			for b.Loop() {
				cable := fmt.Sprintf("s%d", len(took))
				p.Cable("eth0", cable)
				p.In("ip link set " + cable + " master srv")
				l.ip("link set eth0 address 02:00:00:00:00:01")
				l.proc = nil
				c.before(l)
				told := addressesOf(b)
				began := time.Now()
				if err := p.Do(func() error { return plug(cable) }); err != nil {
					b.Fatal(err)
				}
				client := l.proc
				if c.after != nil {
					client = c.after(l)
				}
				if _, err := unix.Read(told, make([]byte, 4096)); err != nil {
					b.Fatalf("no address: %v", err)
				}
				took = append(took, time.Since(began).Seconds()*1000)
				unix.Close(told)
				client.Process.Kill()
				client.Wait()
				l.ip("link del eth0")
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2], "ms-median")
			b.ReportMetric(took[len(took)-1], "ms-longest")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// plug sets a link up, without a program that does it.
func plug(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

// addressesOf is a socket that the kernel tells of IPv4 addresses.
func addressesOf(b *testing.B) int {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_IPV4_IFADDR})
	}
	if err == nil {
		limit := unix.NsecToTimeval(time.Minute.Nanoseconds())
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit)
	}
	if err != nil {
		b.Fatal(err)
	}
	return fd
}
