package xds_test

import (
	"fmt"
	"os"
	"testing"

	"kibble.dev/internal/leaktest"
)

func TestMain(m *testing.M) {
	if address := os.Getenv(podsOf); address != "" {
		if err := bePods(address, os.Getenv(podsNumber)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	leaktest.Main(m)
}
