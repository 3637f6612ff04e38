package main

// peers are the other systems, in the order in which they are measured.
var peers = []peer{busyboxInit, busyboxProbing, runit, s6, finit, systemd}

func peerNames() (names []string) {
	for _, p := range peers {
		names = append(names, p.name)
	}
	return names
}
