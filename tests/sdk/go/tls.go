package main

import (
	"net/http"
	"strings"

	"github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/common"
)

// overTLS: the certificate is trusted by SSL_CERT_FILE alone, as for the vendor's command line.
func overTLS() {
	wire := newWire()
	count, err := vm26Create(vm26With(through(wire)), vm26Order())
	reached("a create over TLS", err, count, 1)
	check(wire.protocols[0] == "HTTP/2.0", "spoke %s", wire.protocols[0])

	// The authority is signed: on HTTP/2 there is no other host.
	wire = newWire()
	wire.alter = func(request *http.Request) { request.Host = "other.example:443" }
	_, err = vm26Create(vm26With(through(wire)), vm26Order())
	refused("another authority", err, "AUTHFAILURE_SIGNATURE_FAILURE")
	check(wire.protocols[0] == "HTTP/2.0" && wire.sends() == 1, "spoke %s", wire.protocols[0])

	wire = newWire()
	order := vm26Order()
	order.ZoneId, order.Tags = common.String("FRA-A"), nil
	_, err = vm26Create(vm26With(through(wire)), order)
	refused("two rules over TLS", err, "OPERATION_DENIED_POLICY_VIOLATION", "tags", "zones")
	check(wire.lastRequestID == sdkError("two rules", err).RequestId, "two request ids")
	// Nothing but scheme, domain and keys: the SDK's own transport.
	count, err = vm26Create(vm26With(config()), vm26Order())
	reached("the SDK's own transport", err, count, 1)
}

// untrusted: a gateway that cannot prove who it is hears nothing.
func untrusted() {
	wire := newWire()
	_, err := vm26Create(vm26With(through(wire)), vm26Order())
	got := sdkError("untrusted", err)
	check(got.Code == common.NetworkError && strings.Contains(got.Message, "certificate"), "untrusted: %v", got)
	check(len(wire.statuses) == 0, "an answer came")
	done("refuses", "a certificate that nobody signed")
}
