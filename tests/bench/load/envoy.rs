//! Envoy, alone and with a sidecar that asks the real OPA.

use std::path::Path;
use std::process::Stdio;

use crate::fixture;
use crate::peers::{Missing, Variant, Wire};
use crate::proxies::{Judge, Proxy, Setup, free_address, start};
use crate::tools;

/// As it comes: one thread, an access log, nothing else switched on or off. Its circuit breakers must not break what is no
/// failure here.
pub fn plain(setup: Setup<'_>, wire: &Wire) -> Result<Proxy, Missing> {
    run(setup, wire, "envoy", None)
}

/// The same with external authorisation. Reads are not sent to OPA: the gateway asks no rules for them either.
pub fn with_opa(setup: Setup<'_>, wire: &Wire, name: &str, variant: Variant) -> Result<Proxy, Missing> {
    let program = tools::authz()?;
    let directory = setup.directory;
    let tree = directory.join("opa");
    let rules = variant.write_rules(&tree);
    let file = |name: &str, text: &str| {
        let path = tree.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    // As JSON: of a hundred thousand teams, OPA reads YAML for minutes.
    let own: serde_json::Value = yaml_serde::from_str(&variant.organisation()).unwrap();
    file("organisation/own.json", &own.to_string());
    let key = fixture::KEY;
    let keys =
        format!(r#"{{"{key}": {{"team": "payments", "account": "main", "labels": {{"env": "prod"}}}}}}"#);
    file("keys/data.json", &keys);
    file("adapter.rego", include_str!("adapter.rego"));
    let ask = |rule: &String| {
        format!(
            "deny contains violation if {{\n\tnot data.zengate.excluded(\"{rule}\")\n\tsome violation in \
             data.zengate.rules.{rule}.deny\n}}\n"
        )
    };
    file("rules.rego", &format!("package bench.rules\n\n{}", rules.iter().map(ask).collect::<String>()));
    let address = free_address();
    let (program, tree) = (program.display().to_string(), tree.display().to_string());
    let command =
        [program.as_str(), "-address", &address.to_string(), "-load", tree.as_str()].map(str::to_owned);
    let sidecar = start("opa", address, Judge::Opa, setup.core, &command, Stdio::null(), Stdio::inherit());
    run(setup, wire, name, Some(sidecar))
}

fn run(setup: Setup<'_>, wire: &Wire, name: &str, sidecar: Option<Proxy>) -> Result<Proxy, Missing> {
    let program = tools::envoy()?;
    let address = free_address();
    let judge = if sidecar.is_some() { Judge::Opa } else { Judge::Nobody };
    let config = config(setup, wire, address.port(), sidecar.as_ref().map(|opa| opa.address.port()));
    let file = setup.directory.join("envoy.yaml");
    std::fs::write(&file, config).unwrap();
    let (program, file) = (program.display().to_string(), file.display().to_string());
    let command =
        [&program, "-c", &file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"];
    let command = command.map(str::to_owned);
    let mut proxy = start(name, address, judge, setup.core, &command, Stdio::null(), Stdio::inherit());
    proxy.sidecars.extend(sidecar);
    Ok(proxy)
}

fn config(setup: Setup<'_>, wire: &Wire, port: u16, opa: Option<u16>) -> String {
    let Setup { directory, upstream, logs, .. } = setup;
    let log = if logs { access_log(directory) } else { String::new() };
    let tls = wire.certificate.as_ref().map_or_else(String::new, |at| transport(at));
    let filter = if opa.is_some() { AUTHORISATION } else { "" };
    let unasked = if opa.is_some() { UNASKED } else { "" };
    let sidecar = opa.map_or_else(String::new, |port| cluster("opa", port, HTTP2));
    let cloud = cluster("cloud", upstream.port(), "");
    format!(
        r#"static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - {tls}filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: all
{log}          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
{unasked}              - match: {{prefix: "/"}}
                route: {{cluster: cloud, timeout: 60s}}
          http_filters:
{filter}          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
{cloud}{sidecar}"#
    )
}

const AUTHORISATION: &str = r#"          - name: envoy.filters.http.ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              transport_api_version: V3
              failure_mode_allow: false
              with_request_body: {max_request_bytes: 65536, pack_as_bytes: true}
              grpc_service: {envoy_grpc: {cluster_name: opa}, timeout: 30s}
"#;

const UNASKED: &str = r#"              - match: {prefix: "/", headers: [{name: x-zc-action, string_match: {prefix: Describe}}]}
                route: {cluster: cloud, timeout: 60s}
                typed_per_filter_config:
                  envoy.filters.http.ext_authz:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
                    disabled: true
"#;

const HTTP2: &str = r#"    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
"#;

fn cluster(name: &str, port: u16, protocol: &str) -> String {
    format!(
        r#"  - name: {name}
    type: STATIC
    connect_timeout: 5s
    circuit_breakers: {{thresholds: [{{max_connections: 100000, max_pending_requests: 100000, max_requests: 100000}}]}}
{protocol}    load_assignment:
      cluster_name: {name}
      endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}]}}]
"#
    )
}

fn access_log(directory: &Path) -> String {
    let at = directory.display();
    format!(
        r#"          access_log:
          - name: envoy.access_loggers.file
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: {at}/envoy.log}}
"#
    )
}

fn transport(certificate: &Path) -> String {
    let at = certificate.display();
    format!(
        r#"transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_certificates: [{{certificate_chain: {{filename: {at}/tls.crt}}, private_key: {{filename: {at}/tls.key}}}}]
      "#
    )
}
