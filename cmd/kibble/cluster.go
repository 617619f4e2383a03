package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// cluster says which Kubernetes cluster a command reads, and what of it.
type cluster struct {
	kubeconfig, context string
	namespaces          []string
}

func (c *cluster) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.kubeconfig, "kubeconfig", "", "read a cluster: the file that says where it is and who you are")
	cmd.Flags().StringVar(&c.context, "context", "", "read a cluster: the context of the kubeconfig")
	_ = cmd.MarkFlagFilename("kubeconfig")
}

// asked tells whether a flag of a cluster was given.
func (c *cluster) asked() bool { return c.kubeconfig != "" || c.context != "" || len(c.namespaces) > 0 }

// config finds the API server as kubectl does: --kubeconfig, then the variable
// KUBECONFIG, then the home directory; without any, inside a Pod, the Pod's own
// service account.
func (c *cluster) config() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: c.context}).ClientConfig()
	if err == nil {
		return config, nil
	}
	switch files, unread := kubeconfigs(rules); {
	case unread != nil:
		err = unread
	case clientcmd.IsEmptyConfig(err) && len(files) > 0:
		err = fmt.Errorf("%s names none", strings.Join(files, ", "))
	case clientcmd.IsEmptyConfig(err) && os.Getenv(clientcmd.RecommendedConfigPathEnvVar) != "":
		err = fmt.Errorf("KUBECONFIG is %s, and nothing is there", os.Getenv(clientcmd.RecommendedConfigPathEnvVar))
	case clientcmd.IsEmptyConfig(err):
		err = errors.New("there is no kubeconfig, and this is no Pod of a cluster")
	}
	return nil, wrongf("no cluster: %w; give -f DIR, or --kubeconfig FILE", err)
}

// kubeconfigs gives the files that are there, and says of one that cannot be read
// why: the library's own words are of Go.
func kubeconfigs(rules *clientcmd.ClientConfigLoadingRules) ([]string, error) {
	var files []string
	for _, path := range rules.GetLoadingPrecedence() {
		_, err := clientcmd.LoadFromFile(path)
		at, unreadable := errors.AsType[*fs.PathError](err)
		switch {
		case err == nil:
			files = append(files, quoted(path))
		case unreadable && path != rules.ExplicitPath && errors.Is(err, fs.ErrNotExist):
		case unreadable:
			return nil, fmt.Errorf("%s cannot be read: %w", quoted(path), at.Err)
		default:
			why := ""
			if _, syntax, ok := strings.Cut(err.Error(), "yaml: "); ok {
				why = ": " + syntax
			}
			return nil, fmt.Errorf("%s is no kubeconfig%s", quoted(path), why)
		}
	}
	return files, nil
}

// patience is how long commands wait for an API server.
const patience = 30 * time.Second

// read reads the cluster once.
func (c *cluster) read(ctx context.Context) (*translate.Inventory, []dtab.Finding, error) {
	config, err := c.config()
	if err != nil {
		return nil, nil, err
	}
	config.Timeout = patience
	inv, found, err := discovery.ReadCluster(ctx, discovery.ClusterOptions{Config: config, Namespaces: c.namespaces})
	if err != nil {
		return nil, nil, &exitError{code: exitUnreachable, err: errors.New("the cluster cannot be read: " + strings.ReplaceAll(err.Error(), "\n", "\n  "))}
	}
	return inv, found, nil
}
