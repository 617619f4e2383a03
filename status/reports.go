package status

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// Reports is how replicas tell the one that writes status of their proxies: each
// of the others keeps a text in a Lease of its own, beside the one that they
// agree by, and renews it to say that the text still holds. The writer, and a
// replica that is alone, keep none. It is for one goroutine.
type Reports struct {
	Client coordinationv1client.LeaseInterface
	// Lease is the name of the one that replicas agree by; Identity is this
	// replica's own name.
	Lease, Identity string
	Logger          *slog.Logger

	told    string    // what our Lease says; "" if there is none, as far as we know
	renewed time.Time // when it was written
	heard   map[string]heard
	problem string // the last request's
}

// heard is the Lease of another replica as it was seen last.
type heard struct {
	version, text string
	since         time.Time
}

// How often a Lease is renewed of which nothing has changed, and how long it
// counts from then on: time is the reader's alone, so that clocks may differ.
const (
	reportRenew = 10 * time.Second
	reportEnd   = 30 * time.Second
)

// reportKey is the annotation that has the text.
const reportKey = "kibble.dev/proxies"

// Reader gives one that knows nothing yet, for another goroutine.
func (r *Reports) Reader() *Reports {
	return &Reports{Client: r.Client, Lease: r.Lease, Identity: r.Identity, Logger: r.Logger}
}

func (r *Reports) prefix() string { return r.Lease + "-proxies-" }

func (r *Reports) name() string {
	sum := sha256.Sum256([]byte(r.Identity))
	return r.prefix() + hex.EncodeToString(sum[:5])
}

// Tell keeps the text in our Lease. It writes only when there is something new,
// or the Lease is to be renewed. What fails is tried again by the next call.
func (r *Reports) Tell(ctx context.Context, now time.Time, text string) {
	if text == r.told && now.Sub(r.renewed) < reportRenew {
		return
	}
	err := r.write(ctx, now, text)
	r.answered(ctx, err)
	if err == nil {
		r.told, r.renewed = text, now
	}
}

func (r *Reports) write(ctx context.Context, now time.Time, text string) error {
	seconds, renewed := int32(reportEnd/time.Second), metav1.NewMicroTime(now)
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: r.name(), Annotations: map[string]string{reportKey: text}},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &r.Identity, LeaseDurationSeconds: &seconds, RenewTime: &renewed},
	}
	patch, err := json.Marshal(lease)
	if err != nil {
		return err
	}
	_, err = r.Client.Patch(ctx, lease.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "kibble"})
	if apierrors.IsNotFound(err) {
		_, err = r.Client.Create(ctx, lease, metav1.CreateOptions{FieldManager: "kibble"})
	}
	return err
}

// Withdraw deletes our Lease, if there is one. What fails is tried again by the
// next call; a Lease that stays ends by itself.
func (r *Reports) Withdraw(ctx context.Context) {
	if r.told == "" {
		return
	}
	if err := r.Client.Delete(ctx, r.name(), metav1.DeleteOptions{}); err == nil || apierrors.IsNotFound(err) {
		r.told = ""
	}
}

// Others gives what other replicas tell, in the order of their Leases. Leases of
// replicas that are gone are deleted. While the API server does not answer, what
// was told last counts until it ends.
func (r *Reports) Others(ctx context.Context, now time.Time) (texts []string) {
	list, err := r.Client.List(ctx, metav1.ListOptions{ResourceVersion: "0"}) // from the API server's memory
	r.answered(ctx, err)
	if err == nil {
		r.hear(list.Items, now)
	}
	for _, name := range slices.Sorted(maps.Keys(r.heard)) {
		last := r.heard[name]
		if now.Sub(last.since) < reportEnd {
			texts = append(texts, last.text)
			continue
		}
		// Unless it has just been renewed. What fails is tried again next time.
		_ = r.Client.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &last.version}})
	}
	return texts
}

// hear notes which Leases there are, and which of them have been written since.
func (r *Reports) hear(leases []coordinationv1.Lease, now time.Time) {
	before := r.heard
	r.heard = map[string]heard{}
	for _, lease := range leases {
		if !strings.HasPrefix(lease.Name, r.prefix()) || lease.Name == r.name() {
			continue
		}
		last, known := before[lease.Name]
		if !known || last.version != lease.ResourceVersion {
			last = heard{lease.ResourceVersion, lease.Annotations[reportKey], now}
		}
		r.heard[lease.Name] = last
	}
}

// answered notes how a request went, and logs when that is new.
func (r *Reports) answered(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	before := r.problem
	r.problem = ""
	if err == nil {
		return
	}
	if r.problem = string(apierrors.ReasonForError(err)) + "."; before != r.problem {
		r.Logger.WarnContext(ctx, "replicas cannot tell each other of their proxies; status tells only of those of the replica that writes it", "error", err)
	}
}
