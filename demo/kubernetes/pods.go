package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// patience is how long pods may take to come or go. Pulling images is part of
	// it.
	patience  = 3 * time.Minute
	lookEvery = 200 * time.Millisecond
)

// pod is what is read of one.
type pod struct {
	Metadata struct {
		Name              string     `json:"name"`
		DeletionTimestamp *time.Time `json:"deletionTimestamp"`
	} `json:"metadata"`
	Status struct {
		Phase      string `json:"phase"`
		Conditions []struct {
			Type    string `json:"type"`
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"conditions"`
		ContainerStatuses []struct {
			State struct {
				Waiting *struct {
					Reason  string `json:"reason"`
					Message string `json:"message"`
				} `json:"waiting"`
			} `json:"state"`
		} `json:"containerStatuses"`
	} `json:"status"`
}

func (p pod) ready() bool {
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True" && p.Metadata.DeletionTimestamp == nil
		}
	}
	return false
}

// String describes what the pod waits for.
func (p pod) String() string {
	text := p.Metadata.Name + " is " + p.Status.Phase
	if p.Metadata.DeletionTimestamp != nil {
		text = p.Metadata.Name + " is ending"
	}
	for _, c := range p.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil {
			return text + ": " + strings.TrimSuffix(w.Reason+": "+w.Message, ": ")
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Status != "True" && c.Message != "" {
			return text + ": " + c.Message
		}
	}
	return text
}

// pods are those of a service or the broker that have not yet ended.
func (k kubectl) pods(ctx context.Context, name string) ([]pod, error) {
	out, err := run(ctx, "", k.args("get", "pods", "--selector", selector(name), "--output", "json")...)
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []pod `json:"items"`
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return nil, fmt.Errorf("cannot read the output of kubectl about pods: %w", err)
	}
	return list.Items, nil
}

// settled returns when there are exactly n pods, all ready.
func (k kubectl) settled(ctx context.Context, name string, n int) error {
	return k.await(ctx, name, fmt.Sprintf("%d ready", n), func(pods []pod) bool {
		return len(pods) == n && !slices.ContainsFunc(pods, func(p pod) bool { return !p.ready() })
	})
}

// left returns when all pods but n have ended.
func (k kubectl) left(ctx context.Context, name string, n int) error {
	return k.await(ctx, name, fmt.Sprintf("no more than %d", n), func(pods []pod) bool { return len(pods) <= n })
}

// await polls until the condition holds. It continues after a failed poll, because a cluster
// may be unreachable for a moment.
func (k kubectl) await(ctx context.Context, name, what string, so func([]pod) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var last []pod
	var failed error // the last look
	for {
		pods, err := k.pods(ctx, name)
		if err == nil && so(pods) {
			return nil
		}
		if ctx.Err() == nil {
			last, failed = pods, err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("timed out waiting for %s pods of %s; there are %d %v: %w", what, name, len(last), last, errors.Join(ctx.Err(), failed))
		}
	}
}

func selector(name string) string { return "app.kubernetes.io/name=" + name }
