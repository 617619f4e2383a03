package discovery

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kibble.dev/dtab"
)

// trouble says why what was read cannot be followed, if somebody has to do
// something about it.
func (f *follower) trouble() []dtab.Finding {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !denied(f.problem) {
		return nil
	}
	finding := dtab.Finding{
		Code: codeForbidden, Severity: dtab.Warning, Pos: dtab.Pos{Source: f.at.String()}, Message: explain(f.at, f.problem), Hint: f.at.hint(),
	}
	switch {
	case apierrors.IsNotFound(f.problem) && f.at.ours():
		finding.Hint = "install them: charts/kibble-crds"
	case apierrors.IsUnauthorized(f.problem):
		finding.Hint = "see to the credentials of Kibble: its token may have ended"
	}
	if f.synced {
		finding.Message += "; what was read last goes on being served"
	}
	return []dtab.Finding{finding}
}

// denied tells an answer that stays the same until somebody does something.
func denied(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err)
}

// explain says in words why something cannot be read.
func explain(at scope, err error) string {
	switch status := apierrors.APIStatus(nil); {
	case apierrors.IsNotFound(err) && at.ours():
		return "the cluster has no " + at.resource() + ": the CustomResourceDefinitions of Kibble are not installed"
	case errors.As(err, &status):
		return status.Status().Message
	}
	return err.Error()
}
