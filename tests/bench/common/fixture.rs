//! What both benchmarks send: the same organisation, key and bodies.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zengate::secret::Secret;
use zengate::sign::{PayloadHash, SigningKey, authorize};

pub const KEY: &str = "ZGpayments01";
pub const SECRET: &str = "gateway-secret-of-payments-01";
pub const CLOUD_KEY: &str = "AKcloud0001";
pub const CLOUD_SECRET: &str = "cloud-secret-that-never-leaves";
/// Instances in one create; the answer names each, which makes it 1 KB long.
pub const INSTANCES: usize = 30;

/// Every stock rule has a setting, so that every one works on every create.
pub const ORGANISATION: &str = r#"
settings:
  zones: {allowed: [SEL-A, HKG-A, SAO-A]}
  count: {maximum: 50}
  tags:
    required:
      owner: {}
      environment: [production, staging, test]
      cost-center: {pattern: "^CC-[0-9]{4}$"}
  resource_group:
    default: 8b0d7a3c-5f0e-4b3b-9a55-1f6f2f1d7c11
    allowed: [8b0d7a3c-5f0e-4b3b-9a55-1f6f2f1d7c11]
  security_group: {default: sg-0001}
teams:
  payments: {settings: {count: {maximum: 60}}}
"#;

/// A request by what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A create of 1 KB that passes; two groups are filled in.
    Create,
    /// The same create in another zone, too large and without its tags: three rules refuse it.
    Refused,
    /// A read; its answer has 50 KB.
    Read,
}

impl Ask {
    /// The action's name.
    pub fn action(self) -> &'static str {
        match self {
            Self::Create | Self::Refused => "CreateInstances",
            Self::Read => "DescribeInstances",
        }
    }

    /// The body that carries `marker`, by which its answer is recognised. It stands first, where the stub looks for it.
    pub fn body(self, marker: u32) -> String {
        let (zone, count, tags) = match self {
            Self::Create => ("SEL-A", INSTANCES, TAGS),
            Self::Refused => ("FRA-A", 99, "[]"),
            Self::Read => {
                return format!(
                    r#"{{"instanceName":"bench-{marker:08}","zoneId":"SEL-A","pageSize":160,"pageNum":1}}"#
                );
            }
        };
        let script = "IyEvYmluL3NoCnNldCAtZXUKYXB0LWdldCB1cGRhdGUK".repeat(6);
        format!(
            r#"{{"instanceName":"bench-{marker:08}","zoneId":"{zone}","instanceType":"c.8c16g","imageId":"img-yKK4q6XybymPgfx7ynUUqC3N8","instanceCount":{count},"instanceChargeType":"POSTPAID","internetChargeType":"ByTrafficPackage","trafficPackageSize":0.50,"internetMaxBandwidthOut":100,"subnetId":"subnet-9f3b1c2d4e","keyId":"key-6c1d2e3f4a","enableIpv6":false,"systemDisk":{{"diskSize":80,"diskCategory":"Standard NVMe SSD"}},"dataDisks":[{{"diskSize":200,"diskAmount":2,"diskCategory":"Standard NVMe SSD"}},{{"diskSize":50,"diskCategory":"Standard NVMe SSD"}}],"nic":{{"wanName":"eth0","lanName":"eth1"}},"initScript":"{script}","tags":{{"tags":{tags}}}}}"#
        )
    }

    /// The whole request as a client writes it, signed for `host` at `timestamp`.
    pub fn request(self, marker: u32, host: &str, timestamp: i64) -> Vec<u8> {
        let body = self.body(marker);
        let key = SigningKey::new(&Secret::new(SECRET));
        let authorization =
            authorize(KEY, &key, "application/json", host, timestamp, &PayloadHash::of(body.as_bytes()));
        format!(
            "POST /api/v2/vm HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Go-http-client/1.1\r\n\
             Content-Length: {}\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
             X-Zc-Action: {}\r\nX-Zc-Sdk-Lang: go\r\nX-Zc-Sdk-Version: 0.2.44\r\nX-Zc-Service: vm\r\n\
             X-Zc-Signature-Method: ZC2-HMAC-SHA256\r\nX-Zc-Timestamp: {timestamp}\r\n\
             X-Zc-Version: 2026-04-01\r\nAccept-Encoding: gzip\r\n\r\n{body}",
            body.len(),
            self.action(),
        )
        .into_bytes()
    }
}

const TAGS: &str = r#"[{"key":"owner","value":"payments-platform"},{"key":"environment","value":"production"},{"key":"cost-center","value":"CC-4711"},{"key":"service","value":"ledger-writer"}]"#;

/// Seconds since the Unix epoch.
pub fn now() -> i64 {
    zengate::clock::Clock::system().unix_seconds()
}

/// Writes what others must not read.
pub fn write_secret(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Writes the files of a gateway in front of `upstream`, as an operator would: everything that is not said is the
/// default, but for two time limits: on a machine that others use, a pause of 50 ms must not end the benchmark.
/// `more` is added to the configuration.
pub fn write_gateway(directory: &Path, listen: &str, admin: &str, upstream: &str, more: &str) {
    let file = |name: &str, text: &str| write_secret(&directory.join(name), text);
    file("payments.secret", SECRET);
    file("cloud.secret", CLOUD_SECRET);
    file(
        "keys.toml",
        &format!(
            "[[key]]\nid = \"{KEY}\"\nsecrets = [{{ file = \"payments.secret\" }}]\nteam = \"payments\"\n\
             account = \"main\"\nlabels = {{ env = \"prod\" }}\n"
        ),
    );
    file("organisation.yaml", ORGANISATION);
    file(
        "zengate.toml",
        &format!(
            "[listen]\naddress = \"{listen}\"\n[admin]\naddress = \"{admin}\"\n[upstream]\nurl = \"http://{upstream}\"\n\
             [accounts.main]\naccess_key_id = \"{CLOUD_KEY}\"\nsecret = {{ file = \"cloud.secret\" }}\n\
             [keys]\nfile = \"keys.toml\"\n[policy]\ndata = [\"organisation.yaml\"]\ntime_limit = \"5s\"\ndeadline = \"10s\"\n{more}"
        ),
    );
}
