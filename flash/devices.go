package flash

import "bantam/firmware"

// Devices are the names that OpenWrt has for what an image is for, by the metadata at its end; none: it has no such.
func Devices(image firmware.Source) ([]string, error) {
	trailers, _, err := firmware.ReadTrailers(image)
	if err != nil {
		return nil, err
	}
	for _, t := range trailers {
		if t.Kind != firmware.Info {
			continue
		}
		if err := firmware.VerifyTrailers(image, trailers); err != nil {
			return nil, err
		}
		text, err := t.Bytes(image)
		if err != nil {
			return nil, err
		}
		m, err := firmware.ParseMetadata(text)
		return m.Devices, err
	}
	return nil, nil
}
