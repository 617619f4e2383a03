// Package secrets keeps the certificates of package pki in Kubernetes Secrets.
package secrets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kibble.dev/internal/pki"
)

// Keeper renews certificates that are kept in Secrets, one for each folder of
// pki.Kept: PREFIX-ca, PREFIX-server and PREFIX-class-CLASS, in one namespace.
// They must be there, empty at first: so it needs the rights to get and update
// these, and none to create any.
type Keeper struct {
	Client            kubernetes.Interface
	Namespace, Prefix string
	// Webhook is the MutatingWebhookConfiguration that is told the authorities of
	// the server's certificate; empty: none. It must be there, too.
	Webhook string
}

// Renew makes what is missing, and anew what is about to end, as k says. k.Dir
// is where it works: what is in it is overwritten. It gives the names of the
// objects that it changed. If somebody else wrote a Secret meanwhile, the error
// says so, and the next try goes on from there.
func (s Keeper) Renew(ctx context.Context, k pki.Kept, now time.Time) (wrote []string, err error) {
	folders := []string{"ca", "server"}
	for _, c := range k.Classes {
		folders = append(folders, "class-"+c)
	}
	held := map[string]*corev1.Secret{}
	for _, folder := range folders {
		if held[folder], err = s.fetch(ctx, filepath.Join(k.Dir, folder), folder); err != nil {
			return nil, err
		}
	}
	if _, err := k.Renew(now); err != nil {
		return nil, err
	}
	for _, folder := range folders { // the authority first: without it nothing else can be used again
		changed, err := s.store(ctx, filepath.Join(k.Dir, folder), held[folder])
		if err != nil {
			return wrote, err
		}
		if changed {
			wrote = append(wrote, held[folder].Name)
		}
	}
	changed, err := s.tell(ctx, filepath.Join(k.Dir, "server", "ca.crt"))
	if changed {
		wrote = append(wrote, s.Webhook)
	}
	return wrote, err
}

// fetch writes a Secret's content into a directory.
func (s Keeper) fetch(ctx context.Context, dir, folder string) (*corev1.Secret, error) {
	secret, err := s.Client.CoreV1().Secrets(s.Namespace).Get(ctx, s.Prefix+"-"+folder, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("read the Secret of %s: %w", folder, err)
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, err
	}
	for name, content := range secret.Data {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	return secret, nil
}

// store brings a Secret to the content of a directory.
func (s Keeper) store(ctx context.Context, dir string, secret *corev1.Secret) (changed bool, err error) {
	data := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if data[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return false, err
		}
	}
	if maps.EqualFunc(data, secret.Data, bytes.Equal) {
		return false, nil
	}
	secret.Data = data
	_, err = s.Client.CoreV1().Secrets(s.Namespace).Update(ctx, secret, metav1.UpdateOptions{FieldManager: "kibble-certs"})
	if err != nil {
		return false, fmt.Errorf("write Secret %s/%s: %w", s.Namespace, secret.Name, err)
	}
	return true, nil
}

// tell gives the API server the authorities of the webhook's certificate.
func (s Keeper) tell(ctx context.Context, file string) (changed bool, err error) {
	if s.Webhook == "" {
		return false, nil
	}
	ca, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	api := s.Client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	c, err := api.Get(ctx, s.Webhook, metav1.GetOptions{})
	if err != nil {
		return false, fmt.Errorf("read the webhook's configuration: %w", err)
	}
	for i := range c.Webhooks {
		if client := &c.Webhooks[i].ClientConfig; !bytes.Equal(client.CABundle, ca) {
			client.CABundle, changed = ca, true
		}
	}
	if !changed {
		return false, nil
	}
	if _, err := api.Update(ctx, c, metav1.UpdateOptions{FieldManager: "kibble-certs"}); err != nil {
		return false, fmt.Errorf("write the webhook's configuration %s: %w", s.Webhook, err)
	}
	return true, nil
}

// Parse splits NAMESPACE/PREFIX.
func Parse(text string) (namespace, prefix string, ok bool) {
	namespace, prefix, ok = strings.Cut(text, "/")
	return namespace, prefix, ok && namespace != "" && prefix != "" && fs.ValidPath(text)
}
