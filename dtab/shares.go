package dtab

// Share is a part of the requests that go to a bound name.
type Share struct {
	// Bound is where the requests go.
	Bound Bound
	// Empty says that they go nowhere: the name exists and has nobody behind
	// it, so this share of the requests fails.
	Empty bool
	// Share is the part of all requests, from 0 to 1.
	Share float64
}
