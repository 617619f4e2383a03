package docstest

// NotRun has every command of the documents that no test runs, word for word,
// and why. A command that stands in no document any more must not be here.
func NotRun() map[string]string {
	const (
		measures = "it measures for minutes, up to an hour, on a machine that should do nothing else"
		tests    = "make test runs these tests as all others"
	)
	return map[string]string{
		`make bench`:                      measures,
		`make bench PARTS="change start"`: measures,
		`make bench PARTS=change BENCHFLAGS="-clients=200 -rounds=3"`:  measures,
		`make bench PARTS=finagle`:                                     measures,
		`make bench PARTS=translate`:                                   measures,
		`make soak SOAK=10m`:                                           measures,
		`go test ./translate -run '^$' -bench 'Translate/rules-10000'`: measures,
		`go test ./xds -run '^$' -bench EnvoyMemory -benchtime 1x`:     measures,
		`go test ./translate -run '^$' -bench MovedEndpoint`:           measures,
		`cd e2e && go test ./discovery -run TestScale -scale 5000 -v`:  measures,
		`cd e2e && go test -v ./demo ./faults`:                         tests,
	}
}
