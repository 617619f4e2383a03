package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/http/httpguts"

	"kibble.dev/dogfood"
	"kibble.dev/dogfood/tokens"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// newExplainCommand makes `kibble explain`.
func newExplainCommand() *cobra.Command {
	var in input
	var out output
	var q asked
	cmd := &cobra.Command{
		Use:   "explain -f DIR --router NAME HOST|URL|/PATH",
		Short: "Say where a request goes, and which rule leads it there",
		Long: `Say where a request goes, and which rule leads it there: which policies hold and
why the others do not, the name of the request, each step of the delegation with
the rule (file:line:column), and the outcome. The argument is the request's
Host, or its URL, or the path of that.

The exit code is 1 if the request is not routed.`,
		Example: `  kibble explain -f examples/hello-world --router ingress www.hello.world
  kibble explain -f examples/hello-world --router ingress --cookie special_employee_cookie=dogfood www.hello.world
  kibble explain -f examples/hello-world --router outgoing --dtab '/host/world => /srv/world-v2' world
  kibble explain -f examples/hello-world --router outgoing --header 'l5d-ctx-dogfood: world-v2' world -o json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("want one argument, the request's Host, its URL or the path of that, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			question, err := q.question(args[0])
			if err != nil {
				return err
			}
			m, _, err := in.model(cmd)
			if err != nil {
				return err
			}
			if q.router == "" {
				return wrongf("which router is asked? give --router NAME; there are: %s", cmp.Or(strings.Join(m.RouterNames(), ", "), "none"))
			}
			x, err := m.Explain(question)
			if err != nil {
				return wrongf("%w", err)
			}
			if err := q.decides(x); err != nil {
				return err
			}
			q.hint(cmd.ErrOrStderr(), question, x)
			if out.format == "table" {
				printExplanation(cmd.OutOrStdout(), x, q.parts)
			} else if err := out.print(cmd.OutOrStdout(), explained{x, stepJSON(x.Trace)}); err != nil {
				return err
			}
			if x.Status != 200 && !x.Own {
				return &exitError{code: exitFindings}
			}
			return nil
		},
	}
	in.flags(cmd)
	out.flags(cmd, "table", "json", "yaml")
	f := cmd.Flags()
	f.StringVar(&q.router, "router", "", "the router that is asked, by name or namespace/name")
	f.StringVar(&q.dtab, "dtab", "", "rules of the caller's own, as in the header l5d-dtab")
	f.StringArrayVar(&q.cookies, "cookie", nil, "a cookie, name=value; may be given several times")
	f.StringArrayVar(&q.headers, "header", nil, "a header, 'name: value'; may be given several times")
	f.StringVar(&q.method, "method", "GET", "the request's method")
	f.StringVar(&q.path, "path", "/", "the path of the URL, if the argument is a host")
	f.StringVar(&q.source, "source", "", "the client's IP address")
	f.StringVar(&q.peer, "peer", "", "the IP address that the connection comes from: with x-forwarded-for and the router's xffNumTrustedHops it gives the client's")
	f.StringVar(&q.policy, "policy", "", "show every part of this policy's condition")
	f.BoolVarP(&q.verbose, "verbose", "v", false, "show every part of every policy's condition")
	f.StringVar(&q.jwks, "jwks", "", "file with the keys that a policy has Envoy fetch (jwksUrl)")
	in.completions(cmd)
	cmd.ValidArgsFunction = offer(func(cmd *cobra.Command) []string { return in.hosts(cmd, q.router) })
	return cmd
}

// asked are the flags that describe a request.
type asked struct {
	router, dtab, method, path, source, jwks string
	peer, policy                             string
	cookies, headers                         []string
	verbose                                  bool
}

func (a *asked) question(target string) (translate.Question, error) {
	q := translate.Question{Router: a.router, Request: translate.Request{
		Method: a.method, Host: target, Path: a.path, Header: map[string][]string{},
	}}
	if strings.HasPrefix(target, "/") {
		q.Request.Host, q.Request.Path = "", target
	}
	if scheme, rest, ok := strings.Cut(target, "://"); ok {
		if scheme != "http" && scheme != "https" {
			return q, fmt.Errorf("%q is not the URL of a request: it begins with http:// or https://", target)
		}
		host, path, more := strings.Cut(rest, "/")
		q.Request.Host, q.Request.Secure = host, scheme == "https"
		if more {
			q.Request.Path = "/" + path
		}
	}
	if a.method != "" && !httpguts.ValidHeaderFieldName(a.method) { // the same letters
		return q, fmt.Errorf("--method %q is no method: it is a word like GET", a.method)
	}
	if path := q.Request.Path; path != "" && path[0] != '/' || strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return q, fmt.Errorf("%q is no path of a request: it begins with / and has no blanks", path)
	}
	for _, h := range a.headers {
		if !q.Request.AddHeader(h) {
			return q, fmt.Errorf("--header %q is not a header: write it like 'name: value'", h)
		}
	}
	for _, c := range a.cookies {
		if name, _, ok := strings.Cut(c, "="); !ok || name == "" {
			return q, fmt.Errorf("--cookie %q is not a cookie: write it like name=value", c)
		}
		q.Request.Header["cookie"] = append(q.Request.Header["cookie"], c)
	}
	if a.dtab != "" {
		q.Request.Header[translate.HeaderDtab] = append(q.Request.Header[translate.HeaderDtab], a.dtab)
	}
	var err error
	if q.Source, err = address("--source", a.source); err != nil {
		return q, err
	}
	if q.Peer, err = address("--peer", a.peer); err != nil {
		return q, err
	}
	var fetched dogfood.Sealed
	if a.jwks != "" {
		b, err := os.ReadFile(a.jwks)
		if err != nil {
			return q, fmt.Errorf("--jwks %s cannot be read: %w", a.jwks, err)
		}
		fetched = dogfood.Sealed(b)
	}
	q.Verify = tokens.Verifier(time.Now(), fetched)
	return q, nil
}

// address reads a flag that may be empty.
func address(flag, text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return addr, fmt.Errorf("%s %q is not an IP address", flag, text)
	}
	return addr, nil
}

// decides says so if --policy is none that the router decides.
func (a *asked) decides(x *translate.Explanation) error {
	var all []string
	for _, p := range x.Policies {
		if a.parts(p) {
			return nil
		}
		all = append(all, p.ID)
	}
	if a.policy == "" {
		return nil
	}
	return wrongf("router %s decides no policy %q; it decides: %s", x.Router, a.policy, cmp.Or(strings.Join(all, ", "), "none"))
}

// parts tells whether to print every part of a policy's condition.
func (a *asked) parts(p translate.PolicyVerdict) bool {
	return a.verbose || a.policy != "" && (a.policy == p.ID || a.policy == p.Family)
}

// hint says what is likely wrong with the flags of a request that is malformed.
func (a *asked) hint(w io.Writer, q translate.Question, x *translate.Explanation) {
	var syntax *dtab.SyntaxError
	if _, err := dtab.Parse(dtab.Source{Name: "--dtab"}, a.dtab); errors.As(err, &syntax) {
		fmt.Fprintln(w, syntax.Finding())
	}
	if x.Status == 400 && q.Request.Host == "" && q.Request.Path != "/" {
		fmt.Fprintf(w, "kibble: an argument that begins with / is the path of the URL; this router asks for the Host too: "+
			"kibble explain --router %s --path %s HOST\n", a.router, q.Request.Path)
	}
	if host, path, ok := strings.Cut(q.Request.Host, "/"); ok && x.Status == 400 {
		fmt.Fprintf(w, "kibble: a Host has no path; a URL begins with http:// or https://: "+
			"kibble explain --router %s http://%s/%s\n", a.router, host, path)
	}
}

// printExplanation prints an answer; parts tells of which policies to print
// every part of the condition.
func printExplanation(w io.Writer, x *translate.Explanation, parts func(translate.PolicyVerdict) bool) {
	fmt.Fprintf(w, "router   %s (class %s)\n", x.Router, x.Class)
	for _, n := range x.Notes {
		fmt.Fprintf(w, "note     %s\n", n)
	}
	if x.Client != "" {
		fmt.Fprintf(w, "client   %s (%s)\n", x.Client, x.ClientWhy)
	}
	printVerdicts(w, x.Policies, parts)
	if len(x.Context) > 0 {
		fmt.Fprintf(w, "context  %s\n", strings.Join(x.Context, ","))
	}
	for _, name := range slices.Sorted(maps.Keys(x.PassedOn)) {
		for _, line := range x.PassedOn[name] {
			fmt.Fprintf(w, "passed on %s: %s\n", name, line)
		}
	}
	if x.Override != "" {
		fmt.Fprintf(w, "override %s\n", x.Override)
	}
	if x.Trace != nil {
		fmt.Fprintf(w, "name     %s\n\n", x.Name)
		printStep(w, x.Trace, "")
		fmt.Fprintln(w)
	}
	if x.Status != 200 || x.Own {
		fmt.Fprintf(w, "outcome  %d: %s\n", x.Status, x.Reason)
		return
	}
	if len(x.FellBack) > 0 {
		fmt.Fprintf(w, "fallback %s: what it leads to does not exist, so the request goes on without it\n", strings.Join(x.FellBack, ", "))
	}
	for _, d := range x.Destinations {
		fmt.Fprintf(w, "outcome  %s to %s\n", translate.Percent(d.Share), d.Cluster)
		if len(d.Endpoints) > 0 {
			fmt.Fprintf(w, "           at %s\n", strings.Join(d.Endpoints, ", "))
		} else {
			fmt.Fprintln(w, "           with nobody behind it now")
		}
		for _, f := range d.Fallback {
			fmt.Fprintf(w, "           else %s\n", f)
		}
	}
}

// printStep prints a step and those below it. What is taken is marked.
func printStep(w io.Writer, s *dtab.Step, indent string) {
	mark := "  "
	if s.Taken {
		mark = "> "
	}
	line := mark + indent + stepText(s)
	if by := stepRule(s); by != "" {
		line += "   " + by
	}
	if s.Why != "" {
		line += "   (" + s.Why + ")"
	}
	fmt.Fprintln(w, line)
	for _, c := range s.Children {
		printStep(w, c, indent+"  ")
	}
}

func stepText(s *dtab.Step) string {
	switch s.Kind {
	case dtab.StepPath:
		text := s.Path.String()
		if len(s.Children) == 0 && s.Outcome != dtab.OutcomeBound {
			text += " is " + outcomeText(s)
		}
		return text
	case dtab.StepBound:
		return "bound " + s.Path.String()
	case dtab.StepAlt:
		return "the first of"
	case dtab.StepUnion:
		return "shares of"
	}
	return outcomeText(s)
}

func outcomeText(s *dtab.Step) string {
	switch s.Outcome {
	case dtab.OutcomeNeg:
		return "negative (~)"
	case dtab.OutcomeEmpty:
		return "empty ($)"
	case dtab.OutcomeFail:
		return "fail (!)"
	case dtab.OutcomeError:
		return "an error: " + s.Err.Error()
	}
	return "bound"
}

// stepRule says which rule or namer made a step.
func stepRule(s *dtab.Step) string {
	switch {
	case s.Dentry != nil:
		return "by " + ruleText(s.Dentry)
	case s.Namer != "":
		return "by the namer " + s.Namer
	}
	return ""
}

// ruleText is a rule, and where it is written.
func ruleText(d *dtab.Dentry) string {
	rule := d.Prefix.String() + " => " + d.Dst.String()
	if at := dtab.In(d.Origin, d.Pos.String()); at != "" {
		rule += " [" + at + "]"
	}
	return rule
}
