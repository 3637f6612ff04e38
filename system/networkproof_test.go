package system

import "testing"

func TestAProofNamesZonesAndPortsOrSaysAWord(t *testing.T) {
	const ports = "[net.eth0]\nzone = \"wan\"\n[net.off]\n"
	named := parse(t, ports+"[proof]\nnetwork = [\"wan/ipv4\", \"off\"]\n")
	if wants := named.NetworkWants(); len(wants) != 2 || !wants[0].Zone || !wants[0].Out || wants[0].Ports[0] != "eth0" || wants[0].Family != FamilyIPv4 || wants[1].Zone || wants[1].Name != "off" || wants[1].Family != "" {
		t.Errorf("got %+v", wants)
	}
	for word, text := range map[string]string{"auto": "", "off": "[proof]\nnetwork = \"off\"\n"} {
		if s := parse(t, ports+text); string(s.Proof.Network) != word || s.NetworkWants() != nil {
			t.Errorf("%s: got %+v", word, s.Proof)
		}
	}
	changes := Diff(parse(t, ports), named)
	if len(changes) != 1 || changes[0].String() != `proof.network: "auto" -> ["wan/ipv4", "off"]` {
		t.Errorf("got %v", changes)
	}
	one := parse(t, ports+"[proof]\nnetwork = [\"off\"]\n") // a port of that name
	if changes := Diff(parse(t, ports+"[proof]\nnetwork = \"off\"\n"), one); len(changes) != 1 {
		t.Errorf("got %v", changes)
	}
}
