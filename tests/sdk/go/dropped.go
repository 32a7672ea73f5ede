package main

import (
	"fmt"
	"math/rand"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/common"
)

// fate is what happens to the connection on which a create is sent.
type fate int

const (
	arrives    fate = iota // the answer arrives
	dropped                // the connection ends when the first byte of the answer comes
	asked                  // it ends as soon as the request is written
	fates                  // how many there are
	callsOfOne = 3         // the first two may be dropped; the SDK sends at most three times
)

// flaky is a connection with a fate.
type flaky struct {
	net.Conn
	fate fate
	once sync.Once
}

// breakOff ends a connection as the kernel does when packets no longer come through; the one kind of failure that AutoRetry repeats.
func breakOff(conn net.Conn) error {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
	return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ETIMEDOUT)}
}

func (f *flaky) Write(bytes []byte) (int, error) {
	written, err := f.Conn.Write(bytes)
	if err == nil && f.fate == asked {
		f.once.Do(func() { _ = breakOff(f.Conn) })
	}
	return written, err
}

func (f *flaky) Read(bytes []byte) (int, error) {
	read, err := f.Conn.Read(bytes)
	if f.fate == dropped || f.fate == asked {
		return 0, breakOff(f.Conn)
	}
	return read, err
}

// unlucky is a transport whose connections have these fates, one after the other; what comes after them arrives.
func unlucky(plan []fate) http.RoundTripper {
	var mutex sync.Mutex
	return &http.Transport{
		// A connection for each send, or the transport itself might send again on another one.
		DisableKeepAlives: true,
		Dial: func(network, address string) (net.Conn, error) {
			conn, err := net.Dial(network, address)
			if err != nil {
				return nil, err
			}
			mutex.Lock()
			defer mutex.Unlock()
			next := arrives
			if len(plan) > 0 {
				next, plan = plan[0], plan[1:]
			}
			return &flaky{Conn: conn, fate: next}, nil
		},
	}
}

// droppedAnswers: creates with AutoRetry on, whose answers are dropped at random. Every order ends well, and becomes one machine.
func droppedAnswers() {
	count, err := strconv.Atoi(setting("ZENGATE_CREATES"))
	check(err == nil, "ZENGATE_CREATES: %v", err)
	seed, err := strconv.ParseInt(setting("ZENGATE_SEED"), 10, 64)
	check(err == nil, "ZENGATE_SEED: %v", err)
	random := rand.New(rand.NewSource(seed))
	type order struct {
		name string
		plan []fate
	}
	orders := make(chan order, count)
	for i := 0; i < count; i++ {
		plan := make([]fate, random.Intn(callsOfOne))
		for n := range plan {
			plan[n] = dropped + fate(random.Intn(int(fates-dropped)))
		}
		// Names of their own: nothing could tell an equal order of the same second from a repetition of one whose answer is lost.
		orders <- order{fmt.Sprintf("web-%d", i), plan}
	}
	close(orders)
	var mutex sync.Mutex
	ids := map[string]string{}
	sends := 0
	var workers sync.WaitGroup
	for worker := 0; worker < 4; worker++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for order := range orders {
				wire := newWire()
				wire.inner = unlucky(order.plan)
				config := through(wire).WithAutoRetry(true).WithMaxRetryTime(callsOfOne - 1)
				config.RetryDuration = time.Millisecond
				request := vm26Order()
				request.InstanceName = common.String(order.name)
				answer, err := vm26With(config).CreateInstances(request)
				check(err == nil, "%s %v (seed %d): %v", order.name, order.plan, seed, err)
				check(wire.sends() == len(order.plan)+1, "%s: sent %d times", order.name, wire.sends())
				mutex.Lock()
				sends += wire.sends()
				for _, id := range answer.Response.InstanceIdSet {
					check(ids[id] == "", "%s was given to %s and to %s (seed %d)", id, ids[id], order.name, seed)
					ids[id] = order.name
				}
				mutex.Unlock()
			}
		}()
	}
	workers.Wait()
	check(len(ids) == count, "%d orders gave %d machines (seed %d)", count, len(ids), seed)
	summary["creates"], summary["sends"] = count, sends
	done("passes", "answers dropped at random")
}

// tenEqual: ten equal orders within one second, as Terraform's `count = 10` sends them, are ten machines.
func tenEqual() {
	var all sync.WaitGroup
	answers := make(chan string, 10)
	for i := 0; i < 10; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			answer, err := vm26With(config()).CreateInstances(vm26Order())
			check(err == nil, "one of ten equal orders: %v", err)
			answers <- answer.Response.InstanceIdSet[0]
		}()
	}
	all.Wait()
	close(answers)
	different := map[string]bool{}
	for id := range answers {
		different[id] = true
	}
	check(len(different) == 10, "ten equal orders gave %d machines", len(different))
	done("passes", "ten equal orders")
}
