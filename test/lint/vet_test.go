package lint

import (
	"os"
	"testing"
)

// deviceArchitectures are those that a board may have. mips is the big-endian one.
var deviceArchitectures = []struct{ name, float string }{
	{"amd64", ""}, {"arm64", ""}, {"arm", "GOARM=7"}, {"mips", "GOMIPS=softfloat"}, {"mipsle", "GOMIPS=softfloat"}, {"riscv64", ""},
}

func TestVetFindsNothingInDeviceCode(t *testing.T) {
	vet := []string{"vet"}
	for _, path := range onDevice {
		vet = append(vet, "./"+path+"/...")
	}
	for _, arch := range deviceArchitectures {
		t.Run(arch.name, func(t *testing.T) {
			env := []string{"GOOS=linux", "GOARCH=" + arch.name, "GOFLAGS=" + os.Getenv("DEVICE_FLAGS")} // go parses its quotes
			if arch.float != "" {
				env = append(env, arch.float)
			}
			output(t, env, "go", vet...)
		})
	}
}

func TestVetFindsNothingAtAll(t *testing.T) {
	output(t, []string{"GOOS=linux", "GOARCH=amd64"}, "go", "vet", "./...")
}
