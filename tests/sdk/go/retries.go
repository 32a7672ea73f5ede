package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/common"
)

// quick keeps the SDK's rate-limit retries and notes its waits instead of waiting.
func quick(config *common.Config, waits *[]time.Duration) *common.Config {
	return config.WithRateLimitRetry(config.RateLimitExceededMaxRetries, func(index int) time.Duration {
		*waits = append(*waits, common.ExponentialBackoff(index))
		return time.Millisecond
	})
}

func sameSignature(wire *wire) bool {
	for _, signature := range wire.signatures {
		if signature != wire.signatures[0] {
			return false
		}
	}
	return true
}

// rateLimits: the SDK repeats a create on 429, with the same signature. That is safe, because 429 means that nothing ran.
func rateLimits() {
	limit := refusal(429, "REQUEST_LIMIT_EXCEEDED")
	limit["retry_after"] = 1
	fault(0, limit)
	wire := newWire()
	var waits []time.Duration
	_, err := vm26Create(vm26With(quick(through(wire), &waits)), vm26Order())
	refused("429 of the cloud", err, "REQUEST_LIMIT_EXCEEDED")
	check(wire.sends() == 4 && sameSignature(wire), "sent %d times", wire.sends())
	check(len(requests()) == 4, "the cloud got %d requests, not 4", len(requests()))
	check(len(waits) == 3 && waits[0] == time.Second && waits[1] == 2*time.Second && waits[2] == 4*time.Second, "waits %v", waits)
	check(len(machines()) == 0, "a 429 made machines")

	reset()
	fault(0, object{"kind": "page", "when": "before", "status": 429, "content_type": "text/html", "body": "<h1>slow down</h1>"})
	wire = newWire()
	_, err = vm26Create(vm26With(eager(wire)), vm26Order())
	refused("429 of its edge, in HTML", err, "REQUEST_LIMIT_EXCEEDED")
	check(wire.sends() == 4 && len(requests()) == 4, "sent %d times, %d reached the cloud", wire.sends(), len(requests()))

	// With the SDK's own waits: 1 and 2 seconds.
	reset()
	fault(2, limit)
	wire = newWire()
	count, err := vm26Create(vm26With(through(wire)), vm26Order())
	check(err == nil && count == 1, "429 twice, then good: %d, %v", count, err)
	check(wire.sends() == 3 && len(requests()) == 3 && len(machines()) == 1, "sent %d times", wire.sends())
	done("passes", "429 twice, then good")

	// A caller that gives up while the SDK waits orders nothing any more.
	reset()
	fault(0, limit)
	wire = newWire()
	ctx, cancel := context.WithCancel(context.Background())
	config := through(wire).WithRateLimitRetry(3, func(int) time.Duration {
		cancel()
		return time.Hour
	})
	order := vm26Order()
	order.SetContext(ctx)
	_, err = vm26Create(vm26With(config), order)
	check(errors.Is(err, context.Canceled), "cancelled while waiting: %v", err)
	check(wire.sends() == 1 && len(requests()) == 1 && len(machines()) == 0, "sent %d times", wire.sends())
	done("gives up", "while the SDK waits")
}

// busy: the gateway takes one request at a time here; what it sheds it has not sent.
func busy() {
	fault(1, object{"kind": "hold", "when": "before"})
	var first sync.WaitGroup
	first.Add(1)
	go func() {
		defer first.Done()
		count, err := vm26Create(vm26With(config()), vm26Order())
		check(err == nil && count == 1, "the one in flight: %d, %v", count, err)
	}()
	arrived(1)
	wire := newWire()
	var waits []time.Duration
	_, err := vm26Create(vm26With(quick(through(wire), &waits)), vm26Order())
	refused("shed", err, "REQUEST_LIMIT_EXCEEDED")
	check(wire.sends() == 4 && sameSignature(wire) && len(waits) == 3, "sent %d times", wire.sends())
	check(len(requests()) == 1, "the cloud got %d requests, not 1", len(requests()))

	// The place becomes free while the SDK waits: the same bytes then pass.
	wire = newWire()
	config := through(wire).WithRateLimitRetry(3, func(int) time.Duration {
		release()
		first.Wait()
		return time.Millisecond
	})
	count, err := vm26Create(vm26With(config), vm26Order())
	check(err == nil && count == 1, "shed, then good: %d, %v", count, err)
	check(wire.sends() == 2 && sameSignature(wire), "sent %d times", wire.sends())
	check(len(requests()) == 2 && len(machines()) == 2, "%d requests, %d machines", len(requests()), len(machines()))
	done("passes", "shed, then good")
}

// contexts: callers that leave. What was sent is finished; the test that started this looks at the records.
func contexts() {
	gone := func(name string, config *common.Config, ctx context.Context, leave func(), is func(error) bool) {
		wire := newWire()
		config.Transport = wire
		before := len(requests())
		fault(1, object{"kind": "hold", "when": "before"})
		order := vm26Order()
		// An order of its own, or it would be given the machine of the caller that left before.
		order.InstanceName = common.String(fmt.Sprintf("web-%d", before))
		if ctx != nil {
			order.SetContext(ctx)
		}
		ended := make(chan error)
		go func() {
			_, err := vm26Create(vm26With(config), order)
			ended <- err
		}()
		arrived(before + 1)
		leave()
		err := <-ended
		check(is(err), "%s: %v", name, err)
		check(wire.sends() == 1, "%s: sent %d times", name, wire.sends())
		made := len(machines())
		check(made == summary["instances"], "%s: %d machines already", name, made)
		release()
		summary["instances"]++
		summary["left"]++
		eventually("the create is finished", func() bool { return len(machines()) == made+1 })
		check(len(requests()) == before+1, "%s: the cloud got it %d times", name, len(requests())-before)
		done("gives up", name)
	}

	cancelled, cancel := context.WithCancel(context.Background())
	gone("a context that is cancelled", config(), cancelled, cancel, func(err error) bool { return errors.Is(err, context.Canceled) })
	late, cancelLate := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancelLate()
	gone("a context that ends", config(), late, func() {}, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) })
	gone("the client's timeout", config().WithTimeout(2), nil, func() {}, func(err error) bool {
		return sdkError("timeout", err).Code == common.NetworkError
	})

	over, cancelOver := context.WithCancel(context.Background())
	cancelOver()
	order := vm26Order()
	order.SetContext(over)
	wire := newWire()
	_, err := vm26Create(vm26With(through(wire)), order)
	check(errors.Is(err, context.Canceled) && wire.sends() == 0, "cancelled before: %v, sent %d times", err, wire.sends())
	done("gives up", "before it sends")
}

// autoRetry: with AutoRetry the SDK sends the same bytes again after a timeout. The second send joins the first: one machine.
func autoRetry() {
	fault(0, object{"kind": "hold", "when": "before"})
	wire := newWire()
	config := through(wire).WithTimeout(2).WithAutoRetry(true).WithMaxRetryTime(1)
	_, err := vm26Create(vm26With(config), vm26Order())
	check(sdkError("AutoRetry", err).Code == common.NetworkError, "AutoRetry: %v", err)
	check(wire.sends() == 2 && sameSignature(wire), "AutoRetry: sent %d times", wire.sends())
	release()
	eventually("every create is finished", func() bool {
		for _, one := range requests() {
			if one.Verdict == nil || string(one.Verdict) == `"open"` {
				return false
			}
		}
		return len(machines()) == len(requests())
	})
	check(len(requests()) == 1, "%d sends became %d creates", wire.sends(), len(requests()))
	summary["sends"] = wire.sends()
	done("resends", "AutoRetry after a timeout")
}

// interrupted: the gateway is told to end (or killed) while the cloud still works on a create, with the SDK's transport
// in the middle of it. Neither the SDK nor its transport sends the create again.
func interrupted(finishes bool) {
	fault(1, object{"kind": "hold", "when": "before"})
	wire := newWire()
	count, err := vm26Create(vm26With(through(wire)), vm26Order())
	if finishes {
		check(err == nil && count == 1, "in flight at the end: %d, %v", count, err)
	} else {
		check(sdkError("killed", err).Code == common.NetworkError, "killed: %v", err)
		release()
		eventually("the create is finished", func() bool { return len(machines()) == 1 })
	}
	check(wire.sends() == 1 && len(requests()) == 1 && len(machines()) == 1, "sent %d times, %d reached the cloud", wire.sends(), len(requests()))
	// Nobody listens any more: nothing is sent, and the SDK says so at once.
	_, err = vm26Create(vm26With(through(wire)), vm26Order())
	code := sdkError("after the end", err).Code
	check(code == common.NetworkError || code == "SERVICE_TEMPORARY_UNAVAILABLE", "after the end: %v", err)
	check(wire.sends() == 2 && len(requests()) == 1, "%d reached the cloud", len(requests()))
	done("ends", "with a create in flight")
}
