package payload

import "context"

// packageLayers makes the layers of Debian packages.
func packageLayers(ctx context.Context, r Request) ([]built, []string, error) { return nil, nil, nil }
