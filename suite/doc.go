// Package suite runs tests of tables: files of YAML that say where requests are
// to go. A test is a question to the functions that make the routes, and an
// expectation of the answer. The package is pure but for what it is given to
// read; the time is a parameter, or stands in the file.
//
// A file is one YAML document or several. Each has what is true for all its
// tests, and the tests:
//
//	router: outgoing
//	services: [default/http/world-v1, default/http/world-v2]
//	tests:
//	- {host: world, reaches: world-v1}
//	- {host: world, in: world-v2, reaches: world-v2}
//	- {host: world, in: world-v2, without: default/http/world-v2, reaches: world-v1}
//
// Read checks all that can be known without the objects; Run answers.
package suite
