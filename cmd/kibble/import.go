package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/importer"
	"kibble.dev/translate"
)

// newImportCommand makes `kibble import`.
func newImportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Make our objects of configurations of linkerd 1.x, namerd and nginx",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newImporter(importer.Linkerd, &cobra.Command{
			Use:   "linkerd FILE...",
			Short: "Routers and Dtabs of linkerd's configuration",
			Long: `Make Routers of the routers in linkerd's configuration: the file itself, or a
Kubernetes manifest with the ConfigMap that holds it. Tables of namerd that are
among the files (see kibble import namerd) become the Dtabs that Routers refer to.
` + importLong,
			Example: `  kibble import linkerd linkerd.yaml > kibble.yaml
  kibble import linkerd servicemesh.yml namerd.yml dtabs.yaml -o kibble/
  kubectl get configmap l5d-config -o yaml | kibble import linkerd -`,
		}),
		newImporter(importer.Namerd, &cobra.Command{
			Use:   "namerd FILE...",
			Short: "Dtabs of namerd's tables",
			Long: `Make Dtabs of namerd's tables: DTab objects of l5d.io, what GET /api/1/dtabs/NAME
or namerctl dtab get NAME print, the tables in namerd's own configuration or in
scripts of namerctl. A table that has no name is called as its file.
` + importLong,
			Example: `  kubectl get dtabs.l5d.io -o yaml | kibble import namerd - -o kibble/
  kibble import namerd tables.txt --name internal
  kibble import namerd internal.json external.json`,
		}),
		newImporter(importer.Nginx, &cobra.Command{
			Use:   "nginx FILE...",
			Short: "DogfoodPolicies of what nginx decides about overrides",
			Long: `Make DogfoodPolicies of the conditions under which an nginx in front of linkerd
sets l5d-dtab, or lets it through: server_name, if and map on cookies, headers and
addresses, proxy_set_header, more_clear_input_headers and more_set_input_headers.
Which Router takes nginx's place is not for nginx's configuration to say: it is
an untrusted one.
` + importLong,
			Example: `  kibble import nginx nginx.conf --router ingress
  kubectl get configmap nginx-config -o yaml | kibble import nginx -`,
		}),
	)
	return cmd
}

const importLong = `
Objects go to the standard output, or one file each into -o DIR. What cannot be
carried over, or works in another way, is reported on standard error with its
place and what to do; so is what kibble itself finds wrong with the objects. The
exit code is 1 where that is as bad as --fail-on.`

// importRun is one run of an import.
type importRun struct {
	options importer.Options
	from    func([]importer.File, importer.Options) *importer.Result
	dir     string
	report  string
	failOn  string
}

func newImporter(from func([]importer.File, importer.Options) *importer.Result, cmd *cobra.Command) *cobra.Command {
	run := importRun{from: from}
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return errors.New("want one file or more, of what is to be imported")
		}
		return nil
	}
	cmd.RunE = run.do
	f := cmd.Flags()
	f.StringVarP(&run.dir, "output-dir", "o", "", "write one file for each object into this directory")
	f.StringVar(&run.report, "report", "table", "how to report what was found: table, json, markdown")
	f.StringVar(&run.failOn, "fail-on", "error", "the exit code is 1 for findings of this severity and worse: error, warning, info, never")
	f.StringVarP(&run.options.Namespace, "namespace", "n", "", "namespace of the objects; default that of the input, if it has one")
	f.StringVar(&run.options.Name, "name", "", "name of the object, where the input is one without a name")
	switch cmd.Name() {
	case "nginx":
		f.StringVar(&run.options.Router, "router", "", "the Router where the policies hold; default every untrusted one")
	case "linkerd":
		f.StringVar(&run.options.ProxyClass, "proxy-class", "", "class of the proxies of all Routers but edges; default node or sidecar")
	}
	_ = cmd.RegisterFlagCompletionFunc("report", cobra.FixedCompletions([]cobra.Completion{"table", "json", "markdown"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions([]cobra.Completion{"error", "warning", "info", "never"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.MarkFlagDirname("output-dir")
	return cmd
}

// do imports: objects first, then the report, then the exit code.
func (r *importRun) do(cmd *cobra.Command, args []string) error {
	if !slices.Contains([]string{"table", "json", "markdown"}, r.report) {
		return wrongf("--report %s: use one of table, json, markdown", quoted(r.report))
	}
	if !slices.Contains(severities(), r.failOn) {
		return wrongf("--fail-on %s: use one of error, warning, info, never", quoted(r.failOn))
	}
	if slices.Contains([]string{"yaml", "json", "table", "markdown"}, r.dir) {
		return wrongf("-o %[1]s: here -o is a directory for the objects, which are YAML; --report says how to report; ./%[1]s is a directory of that name", r.dir)
	}
	files, err := r.files(cmd.InOrStdin(), args)
	if err != nil {
		return err
	}
	result := r.from(files, r.options)
	found := result.Findings
	if r.dir != "" {
		var more []dtab.Finding
		if more, err = r.writeFiles(result.Objects, found); err == nil {
			found = append(found, more...)
		}
	} else {
		var text []byte
		if text, err = document(result.Objects); err == nil {
			found = append(found, readBack("output", text, found)...)
			_, err = cmd.OutOrStdout().Write(text)
		}
	}
	if err != nil {
		return err
	}
	if err := reportImport(cmd.ErrOrStderr(), r.report, len(files), result.Objects, found); err != nil {
		return err
	}
	if fails(found, r.failOn) {
		return &exitError{code: exitFindings}
	}
	return nil
}

func (r *importRun) files(stdin io.Reader, args []string) ([]importer.File, error) {
	var files []importer.File
	for _, a := range args {
		f := importer.File{Name: a}
		var err error
		if a == "-" {
			f.Name = "stdin"
			f.Data, err = io.ReadAll(stdin)
		} else {
			f.Data, err = os.ReadFile(a)
		}
		if err != nil {
			return nil, wrongf("%s cannot be read: %w; give files, or - for standard input", quoted(a), reason(err))
		}
		files = append(files, f)
	}
	return files, nil
}

// document gives all objects as one text.
func document(objects []*importer.Object) ([]byte, error) {
	var all [][]byte
	for _, o := range objects {
		text, err := o.YAML()
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return bytes.Join(all, []byte("---\n")), nil
}

// writeFiles writes each object to a file of its own, none of which may be there.
func (r *importRun) writeFiles(objects []*importer.Object, known []dtab.Finding) ([]dtab.Finding, error) {
	if err := os.MkdirAll(r.dir, 0o750); err != nil {
		return nil, wrongf("-o %s: %w", quoted(r.dir), err)
	}
	texts := map[string][]byte{}
	for _, o := range objects {
		path := filepath.Join(r.dir, strings.ToLower(o.Kind)+"-"+o.Name+".yaml")
		if _, err := os.Lstat(path); err == nil {
			return nil, wrongf("%s is there already: give an empty directory", quoted(path))
		}
		text, err := o.YAML()
		if err != nil {
			return nil, err
		}
		texts[path] = text
	}
	for path, text := range texts {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return nil, wrongf("-o %s: %w", quoted(r.dir), err)
		}
	}
	inv, found, err := discovery.ReadDir(r.dir)
	if err != nil {
		return nil, unreadable(r.dir, err)
	}
	return judge(inv, found, known), nil
}

// readBack reads the objects as any command would, and says what is wrong with them.
func readBack(name string, text []byte, known []dtab.Finding) []dtab.Finding {
	inv, found, err := discovery.ReadStream(name, bytes.NewReader(text))
	if err != nil {
		return []dtab.Finding{{Code: importer.CodeSyntax, Severity: dtab.Error, Message: fmt.Sprintf("the objects cannot be read back: %v", err)}}
	}
	return judge(inv, found, known)
}

// judge adds what translation finds, and of what lint finds the errors: names that
// lead nowhere, and did elsewhere. Mistakes in tables, and tables that are not
// there, have been told with their place in the input already.
func judge(inv *translate.Inventory, found, known []dtab.Finding) []dtab.Finding {
	m := translate.NewModel(inv, time.Now())
	_, more := m.Snapshot()
	wrong := slices.DeleteFunc(m.Lint(), func(f dtab.Finding) bool { return f.Severity != dtab.Error })
	found = slices.Concat(found, m.Findings(), more, wrong)
	told := func(code string) bool {
		return slices.ContainsFunc(known, func(f dtab.Finding) bool { return f.Code == code && f.Severity == dtab.Error })
	}
	return slices.DeleteFunc(found, func(f dtab.Finding) bool {
		return f.Code == dtab.CodeSyntax && told(importer.CodeSyntax) || strings.HasPrefix(f.Message, "there is no Dtab ") && told(importer.CodeMissing)
	})
}
