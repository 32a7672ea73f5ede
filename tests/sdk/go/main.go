// Calls the gateway with the vendor's Go SDK, unmodified but for its endpoint.
//
// usage: ZENGATE_... conformance CASE
//
// The environment says where everything is: ZENGATE_GATEWAY (host:port), ZENGATE_SCHEME, ZENGATE_EMULATOR (host:port),
// ZENGATE_KEY, ZENGATE_SECRET, ZENGATE_TOKEN. A line is printed per step; the last line is a JSON summary of what should
// have reached the cloud. The first thing that is not as it should be ends the program with status 1.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
)

var cases = map[string]func(){
	"catalogue":     catalogue,
	"conformance":   conformance,
	"fields":        fields,
	"refusals":      refusals,
	"away":          refusedWhileAway,
	"drained":       func() { interrupted(true) },
	"killed":        func() { interrupted(false) },
	"policy-error":  refusedByBrokenRules,
	"busy":          busy,
	"rate-limits":   rateLimits,
	"contexts":      contexts,
	"auto-retry":    autoRetry,
	"dropped":       droppedAnswers,
	"ten-equal":     tenEqual,
	"tls":           overTLS,
	"untrusted":     untrusted,
	"terraform-vm":  terraformVM,
	"terraform-zec": terraformZec,
}

// summary is what a case has to tell the test that started it.
var summary = map[string]int{}

func main() {
	known := make([]string, 0, len(cases))
	for name := range cases {
		known = append(known, name)
	}
	sort.Strings(known)
	if len(os.Args) != 2 || cases[os.Args[1]] == nil {
		fail("usage: conformance %s", strings.Join(known, "|"))
	}
	cases[os.Args[1]]()
	line, err := json.Marshal(summary)
	check(err == nil, "the summary: %v", err)
	fmt.Println(string(line))
}

// fail ends the program.
func fail(format string, values ...any) {
	fmt.Printf("WRONG "+format+"\n", values...)
	os.Exit(1)
}

// check ends the program unless the condition holds.
func check(holds bool, format string, values ...any) {
	if !holds {
		fail(format, values...)
	}
}

// done reports a step.
func done(kind, name string) {
	fmt.Printf("%-8s %s\n", kind, name)
}

func setting(name string) string {
	value := os.Getenv(name)
	check(value != "", "%s is not set", name)
	return value
}
