package slot

// Numbers of partitions, which boot loaders know by heart. Others of an image's lie between them.
const (
	State1Number = 3
	State2Number = 4
	NumberA      = 6 // the last one of an image
	NumberB      = 7 // made by the device
)
