// Package radio is the process bantam-wifi: it keeps the networks of one radio, for which it runs hostapd or wpa_supplicant.
// What those are told and what they say means, package wifi says.
//
// It and they run as a user of their own with CAP_NET_ADMIN and CAP_NET_RAW and no others: they read what whoever is in
// reach sends. Passphrases come in the environment of this process, which that user and root alone read, and go to the program
// through a pipe: into no argument, file or log.
package radio

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"bantam/netcfg/session"
	"bantam/netcfg/session/keep"
	"bantam/netcfg/wifi"
	"bantam/system"
)

// Variables of the environment.
const (
	ConfigVariable = "WIFI"         // a wifi.Config as JSON
	SecretVariable = "WIFI_SECRET_" // and the name of a secret: its value
)

// Main is the process of one radio.
func Main() int {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bantam-wifi:", err)
		return 1
	}
	return 0
}

func run() error {
	var c wifi.Config
	if err := json.Unmarshal([]byte(os.Getenv(ConfigVariable)), &c); err != nil || len(c.Links) == 0 {
		return fmt.Errorf("%s: %w; PID 1 starts this process", ConfigVariable, err)
	}
	passphrases := map[string]string{}
	for _, name := range c.Secrets() {
		passphrases[name] = os.Getenv(SecretVariable + name)
	}
	if err := readRules(); err != nil {
		fmt.Fprintln(os.Stderr, "rules of countries:", err)
	}
	port := "/sys/class/net/" + c.Radio()
	k := keeper(c, port, func(secret string) string { return passphrases[secret] })
	there := func() bool {
		_, err := os.Stat(port)
		return err == nil
	}
	if err := keep.Watch(there, k); err != nil {
		return err
	}
	return k.Run(keep.Signals())
}

// keeper keeps a radio whose port is described in a folder of sysfs.
func keeper(c wifi.Config, port string, passphrase func(string) string) *keep.Keeper {
	words := wifi.Words(c.Radio())
	k := &keep.Keeper{
		Program: "/usr/sbin/wpa_supplicant",
		Args:    []string{"-D", "nl80211", "-i", c.Radio(), "-c", keep.ConfigPath},
		Words:   words,
		Session: session.New(words),
		Events:  make(chan session.Event),
		Folder:  wifi.Folder,
		Link:    c.Radio(),
		Service: "wifi-" + c.Radio(),
	}
	if c.Links[0].AP() {
		k.Program, k.Args = "/usr/sbin/hostapd", []string{keep.ConfigPath}
	}
	k.Listen = func() keep.Listener {
		return &wifi.Listener{Program: k.Program[strings.LastIndexByte(k.Program, '/')+1:]}
	}
	k.Config = func() (string, error) {
		if err := c.Fault(passphrase); err != nil {
			return "", err
		}
		if _, err := os.Stat(port + "/phy80211"); err != nil {
			return "", fmt.Errorf("%s has no radio", c.Radio())
		}
		if !c.Links[0].AP() {
			return c.Supplicant(passphrase), nil
		}
		text, err := os.ReadFile(port + "/address")
		if err != nil {
			return "", err
		}
		mac, err := system.ParseMAC(strings.TrimSpace(string(text)))
		if err != nil {
			return "", fmt.Errorf("%s/address: %q %w", port, text, err)
		}
		return c.Hostapd(passphrase, mac), nil
	}
	return k
}
