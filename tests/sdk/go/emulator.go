package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// seen is a request as the emulator received it.
type seen struct {
	Number  int             `json:"number"`
	Service string          `json:"service"`
	Action  string          `json:"action"`
	Version string          `json:"version"`
	Headers [][2]string     `json:"headers"`
	Body    json.RawMessage `json:"body"`
	Verdict json.RawMessage `json:"verdict"`
}

func (s seen) header(name string) string {
	for _, header := range s.Headers {
		if http.CanonicalHeaderKey(header[0]) == http.CanonicalHeaderKey(name) {
			return header[1]
		}
	}
	return ""
}

// machine is one that exists in the emulator.
type machine struct {
	Service string            `json:"service"`
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Tags    map[string]string `json:"tags"`
	Status  string            `json:"status"`
}

func control(method, name string, body, answer any) {
	var sent bytes.Buffer
	if body != nil {
		check(json.NewEncoder(&sent).Encode(body) == nil, "%s: cannot be written", name)
	}
	request, err := http.NewRequest(method, "http://"+setting("ZENGATE_EMULATOR")+"/_emulator/"+name, &sent)
	check(err == nil, "%s: %v", name, err)
	response, err := http.DefaultClient.Do(request)
	check(err == nil, "%s: %v", name, err)
	defer response.Body.Close()
	check(response.StatusCode == http.StatusOK, "%s: the emulator answers %s", name, response.Status)
	if answer != nil {
		check(json.NewDecoder(response.Body).Decode(answer) == nil, "%s: cannot be read", name)
	}
}

type object = map[string]any

// fault scripts a fault of the cloud for the next vm creates; times 0 is for ever.
func fault(times int, fault object) {
	faultOn("CreateInstances", times, fault)
}

func faultOn(action string, times int, fault object) {
	script := object{"fault": fault, "on": object{"service": "vm", "action": action}}
	if times == 0 {
		script["forever"] = true
	} else {
		script["times"] = times
	}
	control(http.MethodPost, "faults", script, nil)
}

func refusal(status int, code string) object {
	return object{"kind": "refuse", "when": "before", "status": status, "code": code, "message": "Scripted."}
}

func release() {
	control(http.MethodPost, "release", object{}, nil)
}

// reset empties the cloud: no machines, no faults, no record.
func reset() {
	control(http.MethodPost, "reset", object{}, nil)
}

func requests() []seen {
	var answer struct {
		Requests []seen `json:"requests"`
	}
	control(http.MethodGet, "requests", nil, &answer)
	return answer.Requests
}

func machines() []machine {
	var answer struct {
		Instances []machine `json:"instances"`
	}
	control(http.MethodGet, "instances", nil, &answer)
	return answer.Instances
}

// eventually waits for a condition; the bound is for runs that fail.
func eventually(what string, condition func() bool) {
	end := time.Now().Add(time.Minute)
	for !condition() {
		check(time.Now().Before(end), "never happened: %s", what)
		time.Sleep(5 * time.Millisecond)
	}
}

func arrived(count int) {
	eventually("the cloud has received the request", func() bool { return len(requests()) >= count })
}
