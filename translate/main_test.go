package translate

import (
	"testing"

	"kibble.dev/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
