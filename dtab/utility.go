package dtab

import (
	"slices"
	"strconv"
	"strings"
)

// utility answers a path that begins with /$/: the names that need no
// configuration (Finagle's Namer.global, linkerd's namer/core).
func (a *asker) utility(path Path) (Tree, Path, *BindError) {
	if len(path) < 2 {
		return Neg{}, nil, nil
	}
	name, args := path[1], path[2:]
	switch name {
	case "nil":
		return Empty{}, nil, nil
	case "fail":
		return Fail{}, nil, nil
	case "inet", "fixedinet":
		if len(args) >= 2 && isInteger(args[1]) {
			return inet(path, 4), nil, nil
		}
		if len(args) >= 1 && isInteger(args[0]) {
			return inet(path, 3), nil, nil
		}
	case "io.buoyant.rinet":
		tree, err := a.rinet(javaPath(args))
		return tree, nil, err
	default:
		if build, prefixed := rewriteOf(name); build != nil {
			return a.rewrite(build, prefixed, javaPath(args))
		}
	}
	a.thrown = false
	return nil, nil, &BindError{
		Kind:    ErrUnknownNamer,
		Message: "Unknown namer: " + javaString(name) + " for path: " + path.String(),
	}
}

// inet binds a path whose first n segments are an address.
func inet(path Path, n int) Tree { return newBound(nil, path[:n], javaPath(path[n:])) }

// rinet binds port and host. The original makes the id by parsing a text of the
// two, which can fail.
func (a *asker) rinet(args Path) (Tree, *BindError) {
	if len(args) < 2 {
		return Neg{}, nil
	}
	id := args[:2]
	if !isLabel(id[0]) || !isLabel(id[1]) {
		var err error
		if id, err = ParsePath("/" + args[0] + "/" + args[1]); err != nil {
			a.thrown = true
			return nil, notAPath(err)
		}
	}
	return newBound(Path{"$", "io.buoyant.rinet"}, id, args[2:]), nil
}

// build appends what a utility namer makes of its arguments; the rest of the
// path is appended by others. It tells how many arguments it used; 0 is a
// negative answer.
type build func(to, args []string) (made []string, used int)

// rewriteOf gives the utility namer that answers another path, nil if there is
// none of that name. The prefixed ones carry their first argument through.
func rewriteOf(name string) (b build, prefixed bool) {
	switch name {
	case "io.buoyant.hostportPfx":
		return hostPort, true
	case "io.buoyant.porthostPfx":
		return portHost, true
	case "io.buoyant.http.domainToPathPfx":
		return domainToPath, true
	case "io.buoyant.http.domainToPath":
		return domainToPath, false
	case "io.buoyant.http.subdomainOfPfx":
		return subdomainOfPfx, false // its prefix is not the first argument
	case "io.buoyant.http.subdomainOf":
		return subdomainOf, false
	case "io.buoyant.http.anyMethodPfx":
		return anyMethod, true
	case "io.buoyant.http.anyMethod":
		return anyMethod, false
	case "io.buoyant.http.anyHostPfx":
		return anyHost, true
	case "io.buoyant.http.anyHost":
		return anyHost, false
	}
	return nil, false
}

// rewrite puts the path that a utility namer makes on the stack.
func (a *asker) rewrite(b build, prefixed bool, args Path) (Tree, Path, *BindError) {
	stack, mark := a.stack, len(a.stack)
	if prefixed {
		if len(args) == 0 {
			return Neg{}, nil, nil
		}
		stack = append(stack, args[0])
		args = args[1:]
	}
	stack, used := b(stack, args)
	if used == 0 {
		return Neg{}, nil, nil
	}
	if slices.Contains(stack[mark:], "") {
		a.thrown = true
		return nil, nil, &BindError{Kind: ErrRequirement, Message: "requirement failed"}
	}
	stack = append(stack, args[used:]...)
	a.stack = stack
	return nil, stack[mark:len(stack):len(stack)], nil
}

func domainToPath(to, args []string) ([]string, int) {
	if len(args) < 1 || !isHost(args[0]) {
		return to, 0
	}
	host := strings.TrimRight(args[0], ".")
	for host != "" {
		dot := strings.LastIndexByte(host, '.')
		to = append(to, host[dot+1:])
		if dot == 0 {
			to = append(to, "")
		}
		host = host[:max(dot, 0)]
	}
	return to, 1
}

func subdomainOf(to, args []string) ([]string, int) {
	if len(args) < 2 {
		return to, 0
	}
	sub, ok := subdomain(args[0], args[1])
	if !ok {
		return to, 0
	}
	return append(to, sub), 2
}

func subdomainOfPfx(to, args []string) ([]string, int) {
	if len(args) < 3 {
		return to, 0
	}
	sub, ok := subdomain(args[0], args[2])
	if !ok {
		return to, 0
	}
	return append(to, args[1], sub), 3
}

func subdomain(domain, host string) (string, bool) {
	if !isHost(domain) || !isHost(host) {
		return "", false
	}
	if colon := strings.IndexByte(host, ':'); colon > 0 {
		host = host[:colon]
	}
	sub, ok := strings.CutSuffix(host, domain)
	if !ok {
		return "", false
	}
	sub, ok = strings.CutSuffix(sub, ".")
	return sub, ok && sub != ""
}

func anyMethod(to, args []string) ([]string, int) {
	if len(args) < 1 || strings.Trim(args[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return to, 0
	}
	return to, 1
}

func anyHost(to, args []string) ([]string, int) {
	if len(args) < 1 || !isHost(args[0]) {
		return to, 0
	}
	return to, 1
}

func hostPort(to, args []string) ([]string, int) {
	host, port, ok := splitPort(args)
	if !ok {
		return to, 0
	}
	return append(to, host, port), 1
}

func portHost(to, args []string) ([]string, int) {
	host, port, ok := splitPort(args)
	if !ok {
		return to, 0
	}
	return append(to, port, host), 1
}

// splitPort splits host:port, where a port is a number or a name. The host may
// be anything.
func splitPort(args []string) (host, port string, ok bool) {
	if len(args) < 1 {
		return "", "", false
	}
	host, port, ok = strings.Cut(strings.TrimRight(args[0], ":"), ":")
	if !ok || len(port) > 63 || strings.HasPrefix(port, "-") {
		return "", "", false
	}
	if strings.Trim(port, "0123456789-abcdefghijklmnopqrstuvwxyz") != "" {
		return "", "", false
	}
	return host, port, true
}

// isHost tells whether a text may be a host.
func isHost(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isHostChar(s[i]) {
			return false
		}
	}
	return s != ""
}

// isInteger tells whether Java reads the text as an int.
func isInteger(s string) bool {
	_, err := strconv.ParseInt(s, 10, 32)
	return err == nil
}
