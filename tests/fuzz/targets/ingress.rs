//! The whole way in, over a connection in memory: whatever bytes come, the gateway answers well-formed HTTP or ends the
//! connection, nothing panics, and nothing is answered by a cloud: there is none. No request is signed by anybody, but some
//! carry a good bearer token, so that everything behind authentication is reached too.
#![no_main]
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zengate::clock::Clock;
use zengate::config::Config;
use zengate::gateway::{Parts, serve_stream};
use zengate::server::Server;

/// Stands in the seeds.
const TOKEN: &str = "a-token-of-the-fuzzer";

struct World {
    runtime: tokio::runtime::Runtime,
    parts: Parts,
    _server: std::sync::Mutex<Server>,
    _files: tempfile::TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let files = tempfile::TempDir::new().expect("a directory");
    let write = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .expect("its mode");
        path
    };
    write("secret", "a-secret-of-the-fuzzer");
    write("token", TOKEN);
    write(
        "keys.toml",
        "[[key]]\nid = \"ZGfuzz01\"\nsecrets = [{ file = \"secret\" }]\ntokens = [{ file = \"token\" }]\nteam = \"t\"\naccount = \"main\"\n",
    );
    let config = write(
        "zengate.toml",
        "[listen]\naddress = \"127.0.0.1:0\"\n[admin]\naddress = \"127.0.0.1:0\"\n[upstream]\nurl = \"http://127.0.0.1:1\"\n\
         [accounts.main]\naccess_key_id = \"AK\"\nsecret = { file = \"secret\" }\n[keys]\nfile = \"keys.toml\"\n[records]\nto = \"none\"\n\
         [quota]\nstore = \"none\"\n[limits]\nhead_timeout = \"1s\"\nbody_timeout = \"1s\"\nidle_timeout = \"1s\"\n",
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let config = Config::load(&config).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let server = runtime.block_on(Server::start(config, Clock::manual(1_790_000_000))).expect("a gateway");
    World { parts: server.parts().clone(), runtime, _server: std::sync::Mutex::new(server), _files: files }
});

fuzz_target!(|bytes: &[u8]| {
    let world = &*WORLD;
    let answered = world.runtime.block_on(async {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let serving = tokio::spawn({
            let parts = world.parts.clone();
            async move { serve_stream(theirs, &parts).await }
        });
        let (mut reads, mut writes) = tokio::io::split(ours);
        let sending = bytes.to_vec();
        let send = async {
            let _ = writes.write_all(&sending).await;
            let _ = writes.shutdown().await;
        };
        let mut answered = Vec::new();
        let receive = reads.read_to_end(&mut answered);
        let both = async {
            let ((), _) = tokio::join!(send, receive);
        };
        tokio::time::timeout(Duration::from_secs(10), both).await.expect("an end");
        serving.await.expect("no panic");
        answered
    });
    assert!(
        answered.is_empty() || answered.starts_with(b"HTTP/1."),
        "{}",
        String::from_utf8_lossy(&answered)
    );
    // The clock stands and the secret is nobody's, so that no signature is good; behind the token there is no cloud. What the gateway
    // answers by itself is a team's own quota.
    let text = String::from_utf8_lossy(&answered);
    let own = text.contains("\"counted\"") || text.contains("\"units\"");
    assert!(
        ["HTTP/1.1 500 ", "HTTP/1.0 500 "].iter().all(|line| !text.contains(line))
            && (own || ["HTTP/1.1 200 ", "HTTP/1.0 200 "].iter().all(|line| !text.contains(line))),
        "{text}"
    );
});
