package payload

import "context"

// filesLayer makes the layer of what files bring by source; none if there are none.
func filesLayer(ctx context.Context, r Request) ([]built, []string, error) { return nil, nil, nil }
