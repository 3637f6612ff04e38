package syntax

// Fault is a problem whose position is still a byte offset.
type Fault struct {
	At                  int
	Message, Suggestion string
}
