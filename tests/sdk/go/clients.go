package main

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"

	bmc22 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/bmc20221120"
	bmc26 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/bmc20260201"
	"github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/common"
	user "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/user20240529"
	vm23 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/vm20230313"
	vm26 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/vm20260401"
	zec24 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zec20240401"
	zec25 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zec20250901"
	zrm "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zrm20251014"
)

// wire is the SDK's transport with a counter: what the SDK sent, how often, and what it got.
type wire struct {
	mutex         sync.Mutex
	inner         http.RoundTripper
	alter         func(*http.Request)
	sent          int
	statuses      []int
	protocols     []string
	signatures    []string
	lastRequestID string
}

func newWire() *wire {
	return &wire{inner: http.DefaultTransport}
}

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	if w.alter != nil {
		request = request.Clone(request.Context())
		w.alter(request)
	}
	w.mutex.Lock()
	w.sent++
	w.signatures = append(w.signatures, request.Header.Get("Authorization"))
	w.mutex.Unlock()
	response, err := w.inner.RoundTrip(request)
	if err == nil {
		w.mutex.Lock()
		w.statuses = append(w.statuses, response.StatusCode)
		w.protocols = append(w.protocols, response.Proto)
		w.lastRequestID = response.Header.Get("X-Zengate-Decision")
		w.mutex.Unlock()
	}
	return response, err
}

func (w *wire) sends() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.sent
}

// config points the SDK at the gateway: scheme and domain, nothing else.
func config() *common.Config {
	config := common.NewConfig()
	config.Scheme = setting("ZENGATE_SCHEME")
	config.Domain = setting("ZENGATE_GATEWAY")
	return config
}

func through(wire *wire) *common.Config {
	config := config()
	config.Transport = wire
	return config
}

func made[T any](client T, err error) T {
	check(err == nil, "a client: %v", err)
	return client
}

func vm26With(config *common.Config) *vm26.Client {
	return made(vm26.NewClient(config, setting("ZENGATE_KEY"), setting("ZENGATE_SECRET")))
}

func vm23With(config *common.Config) *vm23.Client {
	return made(vm23.NewClient(config, setting("ZENGATE_KEY"), setting("ZENGATE_SECRET")))
}

func bmc22With(config *common.Config) *bmc22.Client {
	return made(bmc22.NewClient(config, setting("ZENGATE_KEY"), setting("ZENGATE_SECRET")))
}

func bmc26With(config *common.Config) *bmc26.Client {
	return made(bmc26.NewClient(config, setting("ZENGATE_KEY"), setting("ZENGATE_SECRET")))
}

func zec24With(config *common.Config) *zec24.Client {
	return made(zec24.NewClient(config, setting("ZENGATE_KEY"), setting("ZENGATE_SECRET")))
}

func zec25With(config *common.Config) *zec25.Client {
	return made(zec25.NewClient(config, setting("ZENGATE_KEY"), setting("ZENGATE_SECRET")))
}

func userWith(config *common.Config) *user.Client {
	return made(user.NewClient(config, setting("ZENGATE_KEY"), setting("ZENGATE_SECRET")))
}

func zrmWith(config *common.Config) *zrm.Client {
	return made(zrm.NewClient(config, setting("ZENGATE_KEY"), setting("ZENGATE_SECRET")))
}

var requestID = regexp.MustCompile(`^T[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$`)

// sdkError is the SDK's own error, or the end of the program.
func sdkError(name string, err error) *common.ZenlayerCloudSdkError {
	check(err != nil, "%s was not refused", name)
	var refused *common.ZenlayerCloudSdkError
	check(errors.As(err, &refused), "%s: not the SDK's own error but %T: %v", name, err, err)
	return refused
}

// refused holds that the error is the SDK's own, with this code, a request id and these parts in its one text.
func refused(name string, err error, code string, parts ...string) {
	got := sdkError(name, err)
	check(got.Code == code, "%s: %s was expected: %v", name, code, got)
	check(requestID.MatchString(got.RequestId), "%s: request id %q", name, got.RequestId)
	check(got.Message != "", "%s: no message", name)
	for _, part := range parts {
		check(strings.Contains(got.Error(), part), "%s: %q is not in %v", name, part, got)
	}
	done("refused", name+" "+code)
}

// reached counts calls that the cloud should have seen, and machines that should then exist.
func reached(name string, err error, machines, expected int) {
	check(err == nil, "%s: %v", name, err)
	check(machines == expected, "%s: %d machines, not %d", name, machines, expected)
	summary["calls"]++
	summary["instances"] += machines
	done("passes", name)
}
