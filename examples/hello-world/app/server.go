package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// server answers every path but /setLatency and /setFailureRate with its text.
type server struct {
	text, target, podIP string
	json                bool
	client              *http.Client

	latency     atomic.Int64  // a time.Duration
	failureRate atomic.Uint64 // the bits of a float64
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/setLatency":
		s.change(w, r, "latency", func(v string) error {
			d, err := time.ParseDuration(v)
			if err != nil {
				return errors.New("latency is not a valid duration, such as 500ms")
			}
			return s.setLatency(d)
		})
	case "/setFailureRate":
		s.change(w, r, "failureRate", func(v string) error {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return errors.New("failureRate is not a valid number, such as 0.5")
			}
			return s.setFailureRate(f)
		})
	default:
		s.answer(w, r)
	}
}

func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	select {
	case <-time.After(time.Duration(s.latency.Load())):
	case <-r.Context().Done():
		return
	}
	if rand.Float64() < math.Float64frombits(s.failureRate.Load()) {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	text := s.text
	if s.podIP != "" {
		text += " (" + s.podIP + ")"
	}
	if s.target != "" {
		answer, err := s.call(r.Context(), r.Header)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		text += " " + answer
	}
	if !s.json {
		_, _ = io.WriteString(w, text+"!")
		return
	}
	b, err := json.Marshal(map[string]string{"api_result": text})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b)
}

// call asks the target, with the context headers of the request that is being answered.
func (s *server) call(ctx context.Context, from http.Header) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.target, http.NoBody)
	if err != nil {
		return "", err
	}
	for name, values := range from {
		if strings.HasPrefix(strings.ToLower(name), "l5d-ctx") {
			request.Header[name] = values
		}
	}
	response, err := s.client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("invalid response %d", response.StatusCode)
	}
	b, err := io.ReadAll(response.Body)
	return string(b), err
}

// change applies one parameter of a POST.
func (s *server) change(w http.ResponseWriter, r *http.Request, parameter string, set func(string) error) {
	if r.Method != http.MethodPost {
		http.Error(w, "POST required", http.StatusMethodNotAllowed)
		return
	}
	value := r.URL.Query().Get(parameter)
	if value == "" {
		http.Error(w, "missing required parameter: "+parameter, http.StatusBadRequest)
		return
	}
	if err := set(value); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = io.WriteString(w, "ok")
}

func (s *server) setLatency(d time.Duration) error {
	if d < 0 || d > limit {
		return fmt.Errorf("latency must be between 0 and %s", limit)
	}
	s.latency.Store(int64(d))
	return nil
}

func (s *server) setFailureRate(f float64) error {
	if !(f >= 0 && f <= 1) { // NaN too
		return errors.New("failureRate must be between 0.0 and 1.0")
	}
	s.failureRate.Store(math.Float64bits(f))
	return nil
}
