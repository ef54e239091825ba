package connector

// Page asks for a part of a list.
type Page struct {
	After string // key of the last item that was read; empty: from the start
	Limit int    // most items
}

// List is a part of a list.
type List[T any] struct {
	Items []T
	Next  string // where the next Page begins, as its After; empty: this was all
}

// Cut makes a List of at most limit items out of limit+1 that were read: the
// one too many only tells that there are more.
func Cut[T any](items []T, limit int, key func(T) string) List[T] {
	if len(items) <= limit {
		return List[T]{Items: items}
	}
	return List[T]{Items: items[:limit], Next: key(items[limit-1])}
}
