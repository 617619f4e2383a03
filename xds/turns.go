package xds

// Whoever waits for a lock gets it in the order of asking. Behind thousands of proxies
// that connect at once a new configuration would come last, and so would the answers of
// proxies that were there before, which are sent no more while some are missing. So of
// streams that begin, few wait for the server's lock at a time.
const (
	turnsAtOnce = 4
	// beginning is how many requests a stream makes about: it asks for each type, and
	// answers what it is given at first.
	beginning = 32
)

// enter takes the server's lock for a stream that begins or ends, when it is its turn;
// exit gives it back.
func (s *Server) enter() (exit func()) {
	s.turns <- struct{}{}
	s.mu.Lock()
	return func() {
		s.mu.Unlock()
		<-s.turns
	}
}

// enter takes the server's lock for a request of the stream; exit gives it back. Only
// who takes the stream's requests calls it.
func (st *stream) enter() (exit func()) {
	if st.said < beginning {
		st.said++
		return st.server.enter()
	}
	st.server.mu.Lock()
	return st.server.mu.Unlock
}
