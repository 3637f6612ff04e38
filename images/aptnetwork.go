package images

import (
	"slices"
	"strings"
)

// aptNetworkWords are the options of apt-transport-http(1) and apt-transport-https(1) by which a host says how it
// reaches the network, in lower case. All else of Acquire stays at apt's own value: what a host set to be lenient with
// its own archives, e.g. Verify-Peer, Check-Valid-Until or AllowInsecureRepositories, is not to hold for our kernel.
var aptNetworkWords = []string{
	"proxy", "proxyautodetect", "proxy-auto-detect", // where to
	"cainfo", "capath", "sslcert", "sslkey", "issuercert", "crlfile", // who may answer, and who we are; none of them accepts anybody
	"timeout", "connectionattemptdelaymsec", "dl-limit", "pipeline-depth", "no-cache", "max-age", "no-store", // what the line bears
	"user-agent",
}

// hostNetwork chooses of apt-config dump's lines, e.g. Acquire::http::Proxy "http://proxy:3128";, those that say how this
// host reaches the network. Options for one server come too, e.g. Acquire::https::mirror.example::CaInfo.
func hostNetwork(dump string) string {
	var b strings.Builder
	for line := range strings.Lines(dump) {
		option, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		words := strings.Split(strings.ToLower(option), "::")
		if len(words) < 2 || words[0] != "acquire" || value == `"";` {
			continue
		}
		family := len(words) == 2 && (words[1] == "forceipv4" || words[1] == "forceipv6")
		transport := slices.Contains([]string{"http", "https", "ftp"}, words[1])
		if family || transport && slices.ContainsFunc(words[2:], func(w string) bool { return slices.Contains(aptNetworkWords, w) }) {
			b.WriteString(line)
		}
	}
	return b.String()
}
