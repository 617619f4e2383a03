package inject

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxReview bounds a review: the API server's own limit for an object is 3 MiB.
// Anybody who gets to the address may send some, so those that are read at a time have
// bytesAtOnce together, each comes within bodyMost, and reviewsMost are there. Those of
// pods are small, and hundreds are read at once: on a connection by HTTP/2, of one that
// waited there could be so much that nothing came of the one that is being read.
const (
	maxReview   = 4 << 20
	bytesAtOnce = 4 * maxReview
	reviewsMost = 1000
	bodyMost    = 5 * time.Second
)

// Path is where a Webhook answers, with the mode of the namespace behind it:
// /inject/enabled. The API server's selectors know the labels of namespaces, so
// that the webhook needs no rights to read them.
const Path = "/inject/"

// Webhook answers the API server's reviews of pods that are being created.
type Webhook struct {
	options  func() Options
	logger   *slog.Logger
	places   chan struct{}       // of reviews
	reading  *semaphore.Weighted // bytes
	decoding sync.Mutex          // of JSON, which takes many times its size
}

// NewWebhook makes one. options gives those of now, for each pod anew: authorities may
// be replaced. The logger may be nil.
func NewWebhook(options func() Options, logger *slog.Logger) *Webhook {
	return &Webhook{options: options, logger: logger, places: make(chan struct{}, reviewsMost), reading: semaphore.NewWeighted(bytesAtOnce)}
}

// ServeHTTP answers one review. A pod whose annotations are wrong is refused,
// with words; what is no review is the caller's mistake.
func (w *Webhook) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	if in.Method != http.MethodPost {
		http.Error(out, "want a POST of an AdmissionReview", http.StatusMethodNotAllowed)
		return
	}
	answer, code, err := w.answer(out, in)
	if err != nil {
		http.Error(out, err.Error(), code)
		return
	}
	out.Header().Set("Content-Type", "application/json")
	if _, err := out.Write(answer); err != nil && w.logger != nil {
		w.logger.ErrorContext(in.Context(), "a review's answer cannot be sent", "reason", err)
	}
}

// answer reads a review when it is its turn, and gives the answer; a code with the error.
func (w *Webhook) answer(out http.ResponseWriter, in *http.Request) (answer []byte, code int, err error) {
	select {
	case w.places <- struct{}{}:
		defer func() { <-w.places }()
	default:
		return nil, http.StatusServiceUnavailable, fmt.Errorf("%d other reviews wait", reviewsMost)
	}
	size := int64(maxReview)
	if in.ContentLength >= 0 {
		size = min(in.ContentLength, maxReview)
	}
	if err := w.reading.Acquire(in.Context(), size); err != nil {
		return nil, http.StatusServiceUnavailable, err
	}
	defer w.reading.Release(size)
	_ = http.NewResponseController(out).SetReadDeadline(time.Now().Add(bodyMost)) // where there is a connection
	body, err := io.ReadAll(http.MaxBytesReader(out, in.Body, maxReview))
	if err != nil {
		return nil, http.StatusRequestEntityTooLarge, err
	}
	w.decoding.Lock()
	defer w.decoding.Unlock()
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &review); err != nil || review.Request == nil {
		return nil, http.StatusBadRequest, errors.New("want an AdmissionReview of admission.k8s.io/v1 with a request")
	}
	response := w.review(review.Request, strings.TrimPrefix(in.URL.Path, Path))
	response.UID = review.Request.UID
	answer, err = json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Response: response,
	})
	return answer, http.StatusInternalServerError, err
}

func (w *Webhook) review(r *admissionv1.AdmissionRequest, mode string) *admissionv1.AdmissionResponse {
	allowed := &admissionv1.AdmissionResponse{Allowed: true}
	if r.Kind.Kind != "Pod" || r.Kind.Group != "" || r.SubResource != "" || r.Operation != admissionv1.Create {
		return allowed
	}
	var pod map[string]any
	if err := json.Unmarshal(r.Object.Raw, &pod); err != nil {
		return refuse(fmt.Errorf("the pod cannot be read: %w", err))
	}
	out, changed, err := Pod(w.options(), pod, map[string]string{Label: mode})
	if err != nil {
		return refuse(err)
	}
	if !changed {
		return allowed
	}
	patch, err := json.Marshal(patchOf(pod, out))
	if err != nil {
		return refuse(err)
	}
	if w.logger != nil {
		name, _ := pod["metadata"].(map[string]any)
		w.logger.Info("injected", "namespace", r.Namespace, "pod", name["name"], "of", name["generateName"])
	}
	kind := admissionv1.PatchTypeJSONPatch
	allowed.Patch, allowed.PatchType = patch, &kind
	return allowed
}

func refuse(err error) *admissionv1.AdmissionResponse {
	return &admissionv1.AdmissionResponse{Result: &metav1.Status{
		Status: metav1.StatusFailure, Reason: metav1.StatusReasonInvalid, Code: http.StatusUnprocessableEntity,
		Message: "kibble: " + err.Error(),
	}}
}

// operation is one of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// patchOf gives what makes a pod of what it was: whole lists, of those that an
// injection changes.
func patchOf(from, to map[string]any) []operation {
	patch := []operation{}
	for _, p := range [][2]string{{"metadata", "annotations"}, {"spec", "initContainers"}, {"spec", "containers"}, {"spec", "volumes"}} {
		was, had := part(from, p)
		is, has := part(to, p)
		path := "/" + p[0] + "/" + p[1]
		switch {
		case has && !reflect.DeepEqual(was, is):
			patch = append(patch, operation{"add", path, is}) // in place of what is there
		case had && !has:
			patch = append(patch, operation{Op: "remove", Path: path})
		}
	}
	return patch
}

func part(m map[string]any, path [2]string) (any, bool) {
	inner, _ := m[path[0]].(map[string]any)
	v, ok := inner[path[1]]
	return v, ok
}
