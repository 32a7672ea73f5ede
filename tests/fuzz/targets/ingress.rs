//! The whole way in, over a connection in memory: whatever bytes come, the gateway answers well-formed HTTP or ends the
//! connection, nothing panics, and nothing is sent: there is no cloud, and no request is signed by anybody.
#![no_main]
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zengate::clock::Clock;
use zengate::config::Config;
use zengate::gateway::{Parts, serve_stream};
use zengate::server::Server;

struct World {
    runtime: tokio::runtime::Runtime,
    parts: Parts,
    _server: Server,
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
    write(
        "keys.toml",
        "[[key]]\nid = \"ZGfuzz01\"\nsecrets = [{ file = \"secret\" }]\nteam = \"t\"\naccount = \"main\"\n",
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
    World { parts: server.parts().clone(), runtime, _server: server, _files: files }
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
    // No request of these bytes can be signed: the clock stands, and the secret is nobody's.
    let text = String::from_utf8_lossy(&answered);
    assert!(
        [" 200 ", " 500 "].iter().all(|status| !text.contains(&format!("HTTP/1.1{status}"))
            && !text.contains(&format!("HTTP/1.0{status}"))),
        "{text}"
    );
});
