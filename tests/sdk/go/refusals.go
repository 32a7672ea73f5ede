package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/common"
	vm26 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/vm20260401"
)

// refusalCase is one way to be refused: what the SDK reports, and how often it sends. Everything but a rate limit is
// sent once, even with every retry of the SDK turned on.
type refusalCase struct {
	name   string
	status int
	code   string
	sends  int
	// order makes the call; the usual create when absent.
	order func() *vm26.CreateInstancesRequest
	// alter changes the request behind the SDK's back.
	alter func(*http.Request)
	// key and secret, where they are not the usual ones.
	key, secret string
	// fault is what the cloud does.
	fault object
	// read makes it a read instead of a create.
	read bool
	// ran says that the cloud made the machine all the same.
	ran bool
}

// eager turns every retry of the SDK on, without its waits.
func eager(wire *wire) *common.Config {
	config := through(wire).WithAutoRetry(true).WithMaxRetryTime(3)
	return config.WithRateLimitRetry(3, func(int) time.Duration { return time.Millisecond })
}

func (c refusalCase) run() {
	reset()
	if c.fault != nil {
		action := "CreateInstances"
		if c.read {
			action = "DescribeInstances"
		}
		faultOn(action, 0, c.fault)
	}
	wire := newWire()
	wire.alter = c.alter
	key, secret := c.key, c.secret
	if key == "" {
		key, secret = setting("ZENGATE_KEY"), setting("ZENGATE_SECRET")
	}
	client := made(vm26.NewClient(eager(wire), key, secret))
	var err error
	if c.read {
		_, err = client.DescribeInstances(vm26.NewDescribeInstancesRequest())
	} else {
		order := vm26Order()
		if c.order != nil {
			order = c.order()
		}
		// Orders of their own: one whose outcome is unknown stops its equals.
		if order.InstanceName == nil {
			order.InstanceName = common.String(fmt.Sprintf("web-%d", summary["refusals"]))
		}
		_, err = client.CreateInstances(order)
	}
	refused(c.name, err, c.code)
	last := wire.statuses[len(wire.statuses)-1]
	check(last == c.status, "%s: status %d, not %d", c.name, last, c.status)
	check(wire.sends() == c.sends, "%s: sent %d times, not %d", c.name, wire.sends(), c.sends)
	made := 0
	if c.ran {
		made = 1
	}
	check(len(machines()) == made, "%s: %d machines", c.name, len(machines()))
	reaching := 0
	if c.fault != nil {
		reaching = c.sends
	}
	// A read may be sent to the cloud a second time by the gateway; a create may not.
	got := len(requests())
	check(got == reaching || c.read && got == 2*reaching, "%s: the cloud got %d requests, not %d", c.name, got, reaching)
	summary["sends"] += wire.sends()
	summary["refusals"]++
}

func ordered(change func(*vm26.CreateInstancesRequest)) func() *vm26.CreateInstancesRequest {
	return func() *vm26.CreateInstancesRequest {
		order := vm26Order()
		change(order)
		return order
	}
}

func header(name, value string) func(*http.Request) {
	return func(request *http.Request) { request.Header[name] = []string{value} }
}

// refusals goes through the refusals of a gateway in good health.
func refusals() {
	forHead := []refusalCase{
		{name: "method", status: 405, code: "AUTHFAILURE_UNAUTHORIZED_OPERATION", alter: func(r *http.Request) { r.Method = "PUT" }},
		{name: "path", status: 404, code: "AUTHFAILURE_UNAUTHORIZED_OPERATION", alter: func(r *http.Request) { r.URL.Path = "/api/v3/vm" }},
		{name: "query", status: 400, code: "INVALID_PARAMETER_VALUE", alter: func(r *http.Request) { r.URL.RawQuery = "a=b" }},
		{name: "service header", status: 400, code: "INVALID_PARAMETER_VALUE", alter: header("x-zc-service", "bmc")},
		{name: "media type", status: 415, code: "INVALID_PARAMETER_VALUE", alter: header("Content-Type", "text/plain")},
		{name: "no length", status: 411, code: "INVALID_PARAMETER_VALUE", alter: func(r *http.Request) {
			r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
		}},
		{name: "expectation", status: 417, code: "INVALID_PARAMETER_VALUE", alter: header("Expect", "a miracle")},
		{name: "long head", status: 431, code: "INVALID_PARAMETER_EXCEED_LENGTH", alter: header("X-Long", strings.Repeat("x", 20_000))},
		{name: "unknown action", status: 401, code: "AUTHFAILURE_UNAUTHORIZED_OPERATION", alter: header("x-zc-action", "CreateInstancez")},
		{name: "unknown version", status: 401, code: "AUTHFAILURE_UNAUTHORIZED_OPERATION", alter: header("x-zc-version", "1999-01-01")},
	}
	forCaller := []refusalCase{
		{name: "no scheme", status: 401, code: "AUTHFAILURE_INVALID_AUTHORIZATION", alter: header("Authorization", "Basic eDp5")},
		{name: "wrong secret", status: 401, code: "AUTHFAILURE_SIGNATURE_FAILURE", key: setting("ZENGATE_KEY"), secret: "x"},
		{name: "other host", status: 401, code: "AUTHFAILURE_SIGNATURE_FAILURE", alter: func(r *http.Request) { r.Host = "other.example" }},
		{name: "old", status: 401, code: "AUTHFAILURE_SIGNATURE_EXPIRED", alter: header("x-zc-timestamp", strconv.FormatInt(time.Now().Unix()-400, 10))},
		{name: "not this key's", status: 401, code: "AUTHFAILURE_UNAUTHORIZED_OPERATION", key: setting("ZENGATE_READER_KEY"), secret: setting("ZENGATE_READER_SECRET")},
	}
	forBody := []refusalCase{
		{name: "body cut to nothing", status: 400, code: "INVALID_PARAMETER_TYPE", alter: signedAgain(nil)},
		{name: "too long", status: 413, code: "INVALID_PARAMETER_EXCEED_LENGTH", order: ordered(func(o *vm26.CreateInstancesRequest) {
			o.InitScript = common.String(strings.Repeat("x", 1<<20))
		})},
		{name: "wrong type", status: 400, code: "INVALID_PARAMETER_TYPE", alter: signedAgain([]byte(`{"zoneId":7}`))},
		{name: "a key twice", status: 400, code: "INVALID_PARAMETER_TYPE", alter: signedAgain([]byte(`{"zoneId":"SEL-A","zoneId":"FRA-A"}`))},
		{name: "unknown key", status: 400, code: "INVALID_PARAMETER_VALUE", alter: signedAgain([]byte(
			`{"zoneId":"SEL-A","instanceType":"c.1c2g","imageId":"i","instanceChargeType":"POSTPAID","internetChargeType":"ByBandwidth","surprise":1}`))},
		{name: "missing", status: 400, code: "MISSING_PARAMETER", order: ordered(func(o *vm26.CreateInstancesRequest) { o.ZoneId = nil })},
		{name: "too many", status: 400, code: "INVALID_PARAMETER_EXCEED_MAXIMUM", order: ordered(func(o *vm26.CreateInstancesRequest) {
			o.InstanceCount = common.Integer(101)
		})},
		{name: "too few", status: 400, code: "INVALID_PARAMETER_LESS_MINIMUM", order: ordered(func(o *vm26.CreateInstancesRequest) {
			o.InstanceCount = common.Integer(0)
		})},
		{name: "policy", status: 403, code: "OPERATION_DENIED_POLICY_VIOLATION", order: ordered(func(o *vm26.CreateInstancesRequest) {
			o.ZoneId = common.String("FRA-A")
		})},
	}
	// What the cloud answers: refusals pass; whatever may have run is one code that nobody repeats.
	quota := refusal(403, "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED")
	forCloud := []refusalCase{
		{name: "cloud: quota", status: 403, code: "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED", fault: quota},
		{name: "cloud: balance", status: 403, code: "OPERATION_DENIED_BALANCE_INSUFFICIENT", fault: refusal(403, "OPERATION_DENIED_BALANCE_INSUFFICIENT")},
		{name: "cloud: rate limit", status: 429, code: "REQUEST_LIMIT_EXCEEDED", sends: 4, fault: refusal(429, "REQUEST_LIMIT_EXCEEDED")},
		{name: "cloud: 503", status: 504, code: "REQUEST_TIMED_OUT", fault: refusal(503, "SERVICE_TEMPORARY_UNAVAILABLE")},
		{name: "cloud: 500", status: 500, code: "INTERNAL_SERVER_ERROR", fault: refusal(500, "INTERNAL_SERVER_ERROR")},
		{name: "cloud: 408", status: 408, code: "REQUEST_TIMED_OUT", fault: refusal(408, "REQUEST_TIMED_OUT")},
		{name: "cloud: closes", status: 504, code: "REQUEST_TIMED_OUT", fault: object{"kind": "close", "when": "before"}},
		{name: "cloud: resets", status: 504, code: "REQUEST_TIMED_OUT", fault: object{"kind": "reset", "when": "before"}},
	}
	// Answers that would break a caller of this SDK: it takes any 200 for good, and `Response` is then nil.
	page := func(status int, body string) object {
		return object{"kind": "page", "when": "before", "status": status, "content_type": "application/json", "body": body}
	}
	forAnswers := []refusalCase{
		{name: "nothing in it", fault: page(200, "{}")},
		{name: "empty", fault: page(200, "")},
		{name: "no content", fault: page(204, "")},
		{name: "a list", fault: page(200, "[]")},
		{name: "an error with 200", fault: refusal(200, "INTERNAL_SERVER_ERROR")},
		{name: "a rate limit with 200", fault: refusal(200, "REQUEST_LIMIT_EXCEEDED")},
		{name: "a redirect", fault: object{"kind": "redirect", "when": "before", "status": 307, "location": "/api/v2/vm"}},
		{name: "response null", fault: object{"kind": "null_response"}, ran: true},
		{name: "no ids", fault: object{"kind": "no_ids"}, ran: true},
		{name: "cut", fault: object{"kind": "cut", "bytes": 200}, ran: true},
		{name: "two answers", fault: object{"kind": "second_answer"}, ran: true},
	}
	for i := range forAnswers {
		forAnswers[i].status, forAnswers[i].code = 504, "REQUEST_TIMED_OUT"
	}
	forReads := []refusalCase{
		{name: "a read: closes", status: 504, code: "REQUEST_TIMED_OUT", read: true, fault: object{"kind": "close", "when": "before"}},
		{name: "a read: 500", status: 500, code: "INTERNAL_SERVER_ERROR", read: true, fault: refusal(500, "INTERNAL_SERVER_ERROR")},
		{name: "a read: 502 in HTML", status: 502, code: "INTERNAL_SERVER_ERROR", read: true,
			fault: object{"kind": "page", "when": "before", "status": 502, "content_type": "text/html", "body": "<h1>502</h1>"}},
		{name: "a read: 451", status: 503, code: "SERVICE_TEMPORARY_UNAVAILABLE", read: true, fault: refusal(451, "REQUEST_LIMIT_EXCEEDED")},
		{name: "a read: rate limit", status: 429, code: "REQUEST_LIMIT_EXCEEDED", sends: 4, read: true, fault: refusal(429, "REQUEST_LIMIT_EXCEEDED")},
	}
	// As a create's: a caller that takes any 200 for good finds no `Response` in these.
	for name, fault := range map[string]object{
		"nothing in it": page(200, "{}"), "empty": page(200, ""), "no content": page(204, ""), "a list": page(200, "[]"),
		"response null": page(200, `{"requestId":"x","response":null}`), "an error with 200": refusal(200, "INTERNAL_SERVER_ERROR"),
		"cut": {"kind": "cut", "bytes": 20},
	} {
		forReads = append(forReads, refusalCase{name: "a read: " + name, status: 504, code: "REQUEST_TIMED_OUT", read: true, fault: fault})
	}
	for _, table := range [][]refusalCase{forHead, forCaller, forBody, forCloud, forAnswers, forReads} {
		for _, c := range table {
			if c.sends == 0 {
				c.sends = 1
			}
			c.run()
		}
	}
}

// refusedWhileAway: the cloud cannot be reached. Nothing was sent; the SDK itself does not repeat on that code.
func refusedWhileAway() {
	refusalCase{name: "away", status: 503, code: "SERVICE_TEMPORARY_UNAVAILABLE", sends: 1}.run()
	refusalCase{name: "away, a read", status: 503, code: "SERVICE_TEMPORARY_UNAVAILABLE", sends: 1, read: true}.run()
}

// refusedByBrokenRules: a rule fails while it judges; and bodies that do not come.
func refusedByBrokenRules() {
	refusalCase{name: "a rule that fails", status: 403, code: "OPERATION_DENIED_POLICY_ERROR", sends: 1,
		order: ordered(func(o *vm26.CreateInstancesRequest) { o.InstanceName = common.String("divide") })}.run()
	refusalCase{name: "a body that never comes", status: 408, code: "REQUEST_TIMED_OUT", sends: 1,
		alter: func(request *http.Request) { request.Body = &stuck{end: make(chan struct{})} }}.run()
}

// stuck is a body that does not come before it is closed.
type stuck struct {
	once sync.Once
	end  chan struct{}
}

func (s *stuck) Read([]byte) (int, error) {
	<-s.end
	return 0, io.ErrUnexpectedEOF
}

func (s *stuck) Close() error {
	s.once.Do(func() { close(s.end) })
	return nil
}

// signedAgain replaces the body; the SDK's own code signs it.
func signedAgain(body []byte) func(*http.Request) {
	return func(request *http.Request) {
		signed := newWire()
		signed.inner = catcher{request}
		config := through(signed)
		client := vm26With(config)
		raw := &rawOrder{CreateInstancesRequest: vm26.NewCreateInstancesRequest(), raw: body}
		_ = client.ApiCall(raw, vm26.NewCreateInstancesResponse())
		request.Body = io.NopCloser(bytes.NewReader(body))
		request.ContentLength = int64(len(body))
		if len(body) == 0 {
			request.Body = http.NoBody
		}
	}
}

// rawOrder is a create whose body is these bytes.
type rawOrder struct {
	*vm26.CreateInstancesRequest
	raw []byte
}

func (r *rawOrder) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

// SetBody is called with what MarshalJSON gave, before the SDK signs what GetBodyStr gives.
func (r *rawOrder) SetBody([]byte) { r.CreateInstancesRequest.SetBody(r.raw) }

// catcher takes the headers that the SDK made, and sends nothing.
type catcher struct{ to *http.Request }

func (c catcher) RoundTrip(request *http.Request) (*http.Response, error) {
	for name, values := range request.Header {
		c.to.Header[name] = values
	}
	return nil, io.EOF
}
