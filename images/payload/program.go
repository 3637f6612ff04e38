package payload

import "context"

// programLayers makes a layer of each program.
func programLayers(ctx context.Context, r Request) ([]built, []string, error) { return nil, nil, nil }
