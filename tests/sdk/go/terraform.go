package main

import (
	"errors"
	"os"
	"time"

	"github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/common"
)

// The waits of the Terraform provider, scaled: it polls first after 10 s and then every 5 s.
type pace struct {
	first, interval, limit time.Duration
}

func providerPace() pace {
	interval := 20 * time.Millisecond
	if text := os.Getenv("ZENGATE_POLL"); text != "" {
		parsed, err := time.ParseDuration(text)
		check(err == nil, "ZENGATE_POLL: %v", err)
		interval = parsed
	}
	return pace{first: 2 * interval, interval: interval, limit: time.Minute}
}

// terraformConfig is what the provider sets: 600 s per call, its own name, no retries but those of its own.
func terraformConfig(wire *wire) *common.Config {
	return through(wire).WithTimeout(600)
}

func codeOf(err error) string {
	var got *common.ZenlayerCloudSdkError
	if errors.As(err, &got) {
		return got.Code
	}
	return ""
}

// whileTemporary is the loop around the provider's create: SERVICE_TEMPORARY_UNAVAILABLE is repeated, nothing else.
func (p pace) whileTemporary(create func() error) error {
	end := time.Now().Add(p.limit)
	for {
		err := create()
		if codeOf(err) != "SERVICE_TEMPORARY_UNAVAILABLE" || time.Now().After(end) {
			return err
		}
		time.Sleep(p.interval)
	}
}

// update is the loop around its changes: server faults and network errors are repeated.
func (p pace) update(change func() error) error {
	end := time.Now().Add(p.limit)
	for {
		err := change()
		code := codeOf(err)
		if (code != "INTERNAL_SERVER_ERROR" && code != common.NetworkError) || time.Now().After(end) {
			return err
		}
		time.Sleep(p.interval)
	}
}

// state is what a poll sees: a status, or that nothing was found.
type state struct {
	status string
	found  bool
}

// wait polls as the provider does: other states than pending and target are errors, and so is "not found" for more than
// three times in a row unless it is what is waited for.
func (p pace) wait(what string, pending, target []string, goneIsGood bool, look func() (state, error)) {
	has := func(list []string, status string) bool {
		for _, one := range list {
			if one == status {
				return true
			}
		}
		return false
	}
	time.Sleep(p.first)
	missed, end := 0, time.Now().Add(p.limit)
	for {
		now, err := look()
		check(err == nil, "%s: %v", what, err)
		switch {
		case !now.found && goneIsGood:
			return
		case !now.found:
			missed++
			check(missed <= 3, "%s: not found", what)
		case has(target, now.status):
			return
		default:
			missed = 0
			check(has(pending, now.status), "%s: unexpected state %s", what, now.status)
		}
		check(time.Now().Before(end), "%s: still %v", what, now)
		time.Sleep(p.interval)
	}
}

// step runs one step of the driver.
func step(name string, run func() error) {
	err := run()
	check(err == nil, "%s: %v", name, err)
	summary["steps"]++
	done("passes", name)
}
