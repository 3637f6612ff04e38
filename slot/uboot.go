package slot

import (
	"fmt"

	"bantam/firmware"
)

// encodeEnvironment writes a U-Boot environment of so many bytes, little-endian and not redundant.
func encodeEnvironment(size int, variables []variable) ([]byte, error) {
	list := make([]firmware.Variable, len(variables))
	for i, v := range variables {
		if err := v.check(); err != nil {
			return nil, err
		}
		list[i] = firmware.Variable(v)
	}
	return firmware.Environment{Size: size}.Encode(list, 0)
}

// parseEnvironment reads what U-Boot or encodeEnvironment wrote.
func parseEnvironment(b []byte) (variables []variable, err error) {
	list, _, err := firmware.Environment{Size: len(b)}.Parse(b)
	if err != nil {
		return nil, err
	}
	for _, v := range list {
		if variables, err = appendOnce(variables, variable(v)); err != nil {
			return nil, fmt.Errorf("environment: %w", err)
		}
	}
	return variables, nil
}
