package system

import (
	"maps"
	"slices"
	"testing"
)

func TestTheMetricOfAPortComesFromItsName(t *testing.T) {
	for name, want := range map[string]int{
		"eth0": 100, "eth1": 101, "eth12": 112, "wlan0": 600, "wlan1": 601, "wwan0": 700,
	} {
		if got := defaultMetric(name); got != want {
			t.Errorf("%s: got %d, want %d", name, got, want)
		}
	}
	for _, r := range []struct {
		low, high int
		names     []string
	}{
		{110, 599, []string{"lan", "wan", "lan1", "enp3s0", "enp0s31f6", "enx001122aabbcc", "eth0.103", "usb0", "end0", "br0", "bond0", "a", "\xff", "0", "999999999999999"}},
		{610, 699, []string{"wlp3s0", "wlx001122aabbcc", "wl"}},
		{710, 799, []string{"wwp0s20u4", "ww"}},
	} {
		for _, name := range r.names {
			if got := defaultMetric(name); got < r.low || got > r.high {
				t.Errorf("%s: got %d, want %d to %d", name, got, r.low, r.high)
			}
		}
	}
}

func TestPortsOfOneMachineRarelyHaveOneMetric(t *testing.T) {
	for _, ports := range [][]string{
		{"wan", "lan0", "lan1", "lan2", "lan3", "lan4", "lan5", "eth0", "eth1", "br-lan", "wlan0", "wlan1", "wwan0"},
		{"enp1s0", "enp2s0", "enp3s0", "enp4s0", "enp1s0f0", "enp1s0f1", "enp1s0f2", "enp1s0f3", "eno1", "eno2", "ens3", "ens4", "wlp5s0", "usb0"},
		{"end0", "end1", "eth0", "eth1", "eth2", "eth3", "usb0", "usb1", "enu1", "bond0", "br0", "vlan10", "vlan20", "wg0"},
		{"a0", "b0", "c0"},
	} {
		if metrics, moved := Metrics(ports, nil); len(moved) > 0 {
			t.Errorf("%q moved: %v", moved, metrics)
		}
	}
}

func TestNoTwoPortsHaveOneMetricAndTheOthersKeepTheirs(t *testing.T) {
	fixed := func(metric int) Net { return Net{Metric: metric} }
	for _, c := range []struct {
		claim string
		ports []string
		net   map[string]Net
		want  map[string]int
		moved []string
	}{
		{"without ports", nil, nil, map[string]int{}, nil},
		{"one of two has the next that is free", []string{"eth500", "eth0", "eth1"}, nil, map[string]int{"eth0": 100, "eth500": 102, "eth1": 101}, []string{"eth500"}},
		{"what is written comes first", []string{"eth0", "eth1"}, map[string]Net{"eth1": fixed(100)}, map[string]int{"eth0": 101, "eth1": 100}, []string{"eth0"}},
		{"two that are written, which a check refuses", []string{"eth0", "eth1"}, map[string]Net{"eth0": fixed(7), "eth1": fixed(7)}, map[string]int{"eth0": 7, "eth1": 101}, nil},
		{"a swap by hand moves none", []string{"eth0", "eth1"}, map[string]Net{"eth0": fixed(101), "eth1": fixed(100)}, map[string]int{"eth0": 101, "eth1": 100}, nil},
	} {
		metrics, moved := Metrics(c.ports, c.net)
		if !maps.Equal(metrics, c.want) || !slices.Equal(moved, c.moved) {
			t.Errorf("%s: got %v, moved %q", c.claim, metrics, moved)
		}
	}
}

func TestAMovedMetricIsARemark(t *testing.T) {
	var got []string
	for _, p := range Remarks("f", []byte("[net.eth1]\nmetric = 100\n[net.eth0]\n[net.wlan0]\n")) {
		got = append(got, p.String())
	}
	want := []string{"f:3:6: remark: net.eth0 has metric 101, as another port has the 100 of its name; write metric = 101, so that it stays whatever ports come and go"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
