package console

import (
	"sync"

	"kibble.dev/translate"
)

// recent keeps what was worked out of the last model, for the next page.
type recent struct {
	mu    sync.Mutex
	model *translate.Model
	rows  []translate.Row
}

// of gives the preview of a model. The rows must not be changed.
func (c *recent) of(m *translate.Model) []translate.Row {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.model != m {
		rows, _ := m.Preview("") // fails for a router that is not there only
		c.model, c.rows = m, rows
	}
	return c.rows
}
