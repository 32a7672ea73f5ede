// Command authz answers Envoy's external authorisation with the real OPA: its Go library behind the gRPC service that Envoy asks.
//
// It does what a sidecar of OPA has to do for one request and nothing else: the request as Envoy sends it becomes the input, with
// the body parsed; a prepared query is evaluated; its answer lets the request pass or refuses it with a body. There is no log
// of decisions, no metrics and no bundle to poll.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"net"
	"os/signal"
	"strings"
	"syscall"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	kind "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/loader"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/util"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

type server struct {
	auth.UnimplementedAuthorizationServer
	query rego.PreparedEvalQuery
}

// Check judges one request. What cannot be judged is refused.
func (s *server) Check(ctx context.Context, asked *auth.CheckRequest) (*auth.CheckResponse, error) {
	http := asked.GetAttributes().GetRequest().GetHttp()
	var body any
	raw := http.GetRawBody()
	if len(raw) == 0 {
		raw = []byte(http.GetBody())
	}
	if err := util.UnmarshalJSON(raw, &body); err != nil {
		return refuse(map[string]string{"trouble": "the body is no JSON"}), nil
	}
	headers := make(map[string]any, len(http.GetHeaders()))
	for name, value := range http.GetHeaders() {
		headers[name] = value
	}
	input, err := ast.InterfaceToValue(map[string]any{
		"headers": headers,
		"path":    http.GetPath(),
		"method":  http.GetMethod(),
		"address": asked.GetAttributes().GetSource().GetAddress().GetSocketAddress().GetAddress(),
		"body":    body,
	})
	if err != nil {
		return nil, err
	}
	answers, err := s.query.Eval(ctx, rego.EvalParsedInput(input))
	if err != nil {
		return nil, err
	}
	if len(answers) != 1 {
		return refuse(map[string]string{"trouble": "the rules gave no answer"}), nil
	}
	answer, _ := answers[0].Expressions[0].Value.(map[string]any)
	if allowed, _ := answer["allowed"].(bool); allowed {
		passed := &auth.CheckResponse_OkResponse{OkResponse: &auth.OkHttpResponse{}}
		return &auth.CheckResponse{Status: &status.Status{Code: int32(codes.OK)}, HttpResponse: passed}, nil
	}
	return refuse(answer), nil
}

func refuse(answer any) *auth.CheckResponse {
	text, err := json.Marshal(answer)
	if err != nil {
		text = []byte("{}")
	}
	header := &core.HeaderValueOption{Header: &core.HeaderValue{Key: "content-type", Value: "application/json"}}
	denied := &auth.DeniedHttpResponse{
		Status:  &kind.HttpStatus{Code: kind.StatusCode_Forbidden},
		Headers: []*core.HeaderValueOption{header},
		Body:    string(text),
	}
	return &auth.CheckResponse{
		Status:       &status.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse: &auth.CheckResponse_DeniedResponse{DeniedResponse: denied},
	}
}

func main() {
	address := flag.String("address", "", "where to listen")
	query := flag.String("query", "data.bench.answer", "what to ask")
	paths := flag.String("load", "", "files and directories of rules and data, between commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	loaded, err := loader.NewFileLoader().All(strings.Split(*paths, ","))
	if err != nil {
		log.Fatal(err)
	}
	// Data are kept as the engine reads them (`opa run --optimize-store-for-read-speed`), not converted at every look.
	store := inmem.NewFromObjectWithOpts(loaded.Documents, inmem.OptReturnASTValuesOnRead(true))
	options := []func(*rego.Rego){rego.Query(*query), rego.Store(store)}
	for _, module := range loaded.Modules {
		options = append(options, rego.ParsedModule(module.Parsed))
	}
	prepared, err := rego.New(options...).PrepareForEval(ctx)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	service := grpc.NewServer()
	auth.RegisterAuthorizationServer(service, &server{query: prepared})
	go func() {
		<-ctx.Done()
		service.Stop()
	}()
	if err := service.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
