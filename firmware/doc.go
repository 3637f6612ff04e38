// Package firmware reads and writes the formats that boot loaders start and that routers and boards are flashed with: U-Boot's
// legacy images, FIT images and environments, UBI images, and what OpenWrt's sysupgrade takes: its archive, trailers and end
// marks of JFFS2; and the containers of vendors: TP-Link's two, TRX, Netgear's CHK and DNI.
//
// It is pure: it takes bytes that can be read at any place (Source) and an io.Writer, and opens nothing. Readers check all that
// can be checked without the data, and give parts as places in the file; what reads the data is called Verify. Identify tries
// them all. A reader returns ErrOther for what does not begin like its format, and says what is wrong with what does. Writers
// stream; what their headers sum up they read twice.
//
// Limits: what is read is an image, not flash that has been in use. A FIT image's tree has no checksum of its own: a bit that
// flips in a description is not found there, in data it is. A UBI image does not say how long it is: that the end of a dynamic
// volume is missing is not found either. Where an image has a trailer, its checksum covers all of that.
package firmware
