package dtab

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
)

func asBindError(err error) *BindError {
	var b *BindError
	if errors.As(err, &b) {
		return b
	}
	return &BindError{Kind: ErrUnsupported, Message: err.Error()}
}

var (
	hostShape   = regexp.MustCompile(`\A[A-Za-z0-9.:_-]+\z`)
	methodShape = regexp.MustCompile(`\A[A-Z]+\z`)
	portShape   = regexp.MustCompile(`\A[a-z0-9][-a-z0-9]*\z`)
)

// requirement is how the original answers a rewrite that would make an empty segment.
func requirement() *BindError {
	return &BindError{Kind: ErrRequirement, Message: "requirement failed"}
}

// rewriter turns the arguments of a utility namer into another path. Not ok is
// a negative answer.
type rewriter func(args Path) (path Path, ok bool)

// rewriters are the utility namers that answer a path (linkerd 1.x, namer/core).
var rewriters = map[string]rewriter{
	"io.buoyant.http.domainToPath": func(a Path) (Path, bool) {
		return domainToPath(nil, a)
	},
	"io.buoyant.http.domainToPathPfx": prefixed(domainToPath),
	"io.buoyant.http.subdomainOf": func(a Path) (Path, bool) {
		return subdomainOf(a, nil, 1)
	},
	"io.buoyant.http.subdomainOfPfx": func(a Path) (Path, bool) {
		if len(a) < 3 {
			return nil, false
		}
		return subdomainOf(a, a[1:2], 2)
	},
	"io.buoyant.http.anyMethod": func(a Path) (Path, bool) {
		return matching(methodShape, nil, a)
	},
	"io.buoyant.http.anyMethodPfx": prefixed(func(pfx, a Path) (Path, bool) {
		return matching(methodShape, pfx, a)
	}),
	"io.buoyant.http.anyHost": func(a Path) (Path, bool) {
		return matching(hostShape, nil, a)
	},
	"io.buoyant.http.anyHostPfx": prefixed(func(pfx, a Path) (Path, bool) {
		return matching(hostShape, pfx, a)
	}),
	"io.buoyant.hostportPfx": prefixed(func(pfx, a Path) (Path, bool) {
		return hostPort(pfx, a, false)
	}),
	"io.buoyant.porthostPfx": prefixed(func(pfx, a Path) (Path, bool) {
		return hostPort(pfx, a, true)
	}),
}

// prefixed takes the first argument through.
func prefixed(f func(pfx, args Path) (Path, bool)) rewriter {
	return func(args Path) (Path, bool) {
		if len(args) < 2 {
			return nil, false
		}
		return f(args[:1], args[1:])
	}
}

func domainToPath(pfx, args Path) (Path, bool) {
	if len(args) == 0 || !hostShape.MatchString(args[0]) {
		return nil, false
	}
	labels := strings.Split(strings.TrimRight(args[0], "."), ".")
	if len(labels) == 1 && labels[0] == "" {
		labels = nil
	}
	path := pfx.Join()
	for i := len(labels) - 1; i >= 0; i-- {
		path = append(path, labels[i])
	}
	return append(path, args[1:]...), true
}

func subdomainOf(args, pfx Path, host int) (Path, bool) {
	if len(args) <= host || !hostShape.MatchString(args[0]) || !hostShape.MatchString(args[host]) {
		return nil, false
	}
	name := args[host]
	if i := strings.IndexByte(name, ':'); i > 0 {
		name = name[:i]
	}
	sub, ok := strings.CutSuffix(name, "."+args[0])
	if !ok || sub == "" {
		return nil, false
	}
	return append(pfx.Join(sub), args[host+1:]...), true
}

func matching(shape *regexp.Regexp, pfx, args Path) (Path, bool) {
	if len(args) == 0 || !shape.MatchString(args[0]) {
		return nil, false
	}
	return pfx.Join(args[1:]...), true
}

func hostPort(pfx, args Path, portFirst bool) (Path, bool) {
	parts := strings.Split(strings.TrimRight(args[0], ":"), ":")
	if len(parts) != 2 || len(parts[1]) > 63 || !portShape.MatchString(parts[1]) {
		return nil, false
	}
	if portFirst {
		parts[0], parts[1] = parts[1], parts[0]
	}
	return append(pfx.Join(parts...), args[1:]...), true
}

// utility answers a path that starts with /$/.
func utility(path Path) (Tree, string, *BindError) {
	if len(path) < 2 {
		return Neg{}, "", nil
	}
	name, args := path[1], path[2:]
	by := "/$/" + name
	if rewrite, ok := rewriters[name]; ok {
		answer, ok := rewrite(args)
		if !ok {
			return Neg{}, by, nil
		}
		for _, segment := range answer {
			if segment == "" {
				return nil, by, requirement()
			}
		}
		return Leaf{Path: answer}, by, nil
	}
	switch name {
	case "nil":
		return Empty{}, by, nil
	case "fail":
		return Fail{}, by, nil
	case "io.buoyant.rinet":
		if len(args) < 2 {
			return Neg{}, by, nil
		}
		return Bound{ID: path[:4], Residual: path[4:]}, by, nil
	case "inet", "fixedinet":
		if len(args) >= 2 && isInteger(args[1]) {
			return Bound{ID: path[:4], Residual: path[4:]}, by, nil
		}
		if len(args) >= 1 && isInteger(args[0]) {
			return Bound{ID: path[:3], Residual: path[3:]}, by, nil
		}
	}
	return nil, by, &BindError{
		Kind: ErrUnknownNamer, Message: "Unknown namer: " + name + " for path: " + path.String(),
	}
}

// isInteger tells what Java reads as an int.
func isInteger(s string) bool {
	_, err := strconv.ParseInt(s, 10, 32)
	return err == nil
}
