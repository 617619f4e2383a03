package helloworld

// AppFlags says what a service's program does, as in the original's manifests.
// A service that the demo does not know serves its own name.
func AppFlags(service string) []string {
	switch service {
	case "hello":
		return []string{"-text", "Hello", "-target", "world"}
	case "world-v1":
		return []string{"-text", "world"}
	case "world-v2":
		return []string{"-text", "earth"}
	case "api":
		return []string{"-text", "api", "-target", "hello", "-json"}
	}
	return []string{"-text", service}
}
