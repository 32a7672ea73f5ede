//! What the demo prints around its calls: where things are, and how to point each client at them.

use std::net::SocketAddr;

use super::files::{Files, GATEWAY_KEY};

/// Where the demo runs.
pub(super) struct Place<'a> {
    pub(super) address: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) emulator: SocketAddr,
    pub(super) files: &'a Files,
    pub(super) tls: bool,
}

/// What runs where.
pub(super) fn opening(place: &Place<'_>) -> String {
    let Place { address, admin, emulator, files, tls } = place;
    let scheme = if *tls { "https" } else { "http" };
    format!(
        "zengate demo\n\
         \x20  cloud     http://{emulator}   the emulator, standing in for https://console.zenlayer.com\n\
         \x20  gateway   {scheme}://{address}   point your SDK here\n\
         \x20  metrics   http://{admin}/metrics   also /livez, /readyz, /status\n\
         \x20  rules     {}   edit it: it is read again within seconds\n\
         \x20  records   {}\n",
        files.organisation().display(),
        files.records().display(),
    )
}

/// How to point each client at the gateway.
pub(super) fn closing(place: &Place<'_>) -> String {
    let Place { address, files, tls, .. } = place;
    let secret = files.secret.expose();
    let certificate = files.certificate_path();
    let certificate = certificate.display();
    let (scheme, upper) = if *tls { ("https", "HTTPS") } else { ("http", "HTTP") };
    let python_trust = if *tls { format!(", certification=\"{certificate}\"") } else { String::new() };
    let go_trust = if *tls { format!("SSL_CERT_FILE={certificate} ") } else { String::new() };
    let cli = if *tls {
        format!(
            "     SSL_CERT_FILE={certificate} ZENLAYER_ENDPOINT={address} \\\n\
             \x20      zeno vm describe-instances --access-key-id {GATEWAY_KEY} --access-key-secret {secret}\n"
        )
    } else {
        "     it speaks https only: run `zengate demo --tls`\n".to_owned()
    };
    format!(
        "\nNow your own client. The key (made for this demo, gone with it):\n\
         \x20    access key id {GATEWAY_KEY}   secret {secret}\n\
         \n   Python\n\
         \x20    Config(scheme=\"{scheme}\", domain=\"{address}\"{python_trust}) and Credential(\"{GATEWAY_KEY}\", \"{secret}\")\n\
         \n   Go\n\
         \x20    {go_trust}config.Scheme = \"{scheme}\"; config.Domain = \"{address}\"; common.NewCredential(\"{GATEWAY_KEY}\", \"{secret}\")\n\
         \n   Terraform\n\
         \x20    {go_trust}ZENLAYERCLOUD_SCHEME={upper} ZENLAYERCLOUD_DOMAIN={address} \\\n\
         \x20      ZENLAYERCLOUD_ACCESS_KEY_ID={GATEWAY_KEY} ZENLAYERCLOUD_ACCESS_KEY_PASSWORD={secret} terraform apply\n\
         \n   CLI (zeno)\n{cli}\n"
    )
}
