package xds

// turnsAtOnce is how many streams wait for the server's lock at a time. Whoever waits
// for a lock gets it in the order of asking: behind thousands of proxies that connect at
// once a new configuration would come last, and with it what changes for everybody.
const turnsAtOnce = 4

// enter takes the server's lock for a stream, when it is the stream's turn; exit gives
// it back. What is not a stream's doing takes the lock itself, and so comes sooner.
func (s *Server) enter() {
	s.turns <- struct{}{}
	s.mu.Lock()
}

func (s *Server) exit() {
	s.mu.Unlock()
	<-s.turns
}
