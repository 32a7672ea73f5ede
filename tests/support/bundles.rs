//! Bundles, signed and not, and a server of them that can be told to be away.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

/// Packs files as `opa build` does.
pub fn pack(files: &[(&str, &str)]) -> Vec<u8> {
    let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(packed);
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_entry_type(tar::EntryType::Regular);
        archive.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// Packs files with a signature over them, as `opa sign` does with a shared secret.
pub fn sign(files: &[(&str, &str)], secret: &str) -> Vec<u8> {
    use sha2::Digest as _;
    let claims: Vec<serde_json::Value> = files
        .iter()
        .map(|(name, text)| {
            let hash = hex::encode(sha2::Sha256::digest(text.as_bytes()));
            json!({"name": name, "hash": hash, "algorithm": "SHA-256"})
        })
        .collect();
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    let token = jsonwebtoken::encode(&header, &json!({"files": claims}), &key).unwrap();
    let signatures = json!({"signatures": [token]}).to_string();
    let mut all = files.to_vec();
    all.push((".signatures.json", &signatures));
    pack(&all)
}

/// What a server hands out, and what it was asked.
#[derive(Default)]
pub struct Shelf {
    /// The bundle and its tag; none while the server is away.
    pub bundle: Option<(Vec<u8>, String)>,
    /// Statuses of its answers, in their order.
    pub answers: Vec<u16>,
}

/// A server of one bundle.
pub struct Server {
    pub address: SocketAddr,
    pub shelf: Arc<Mutex<Shelf>>,
}

impl Server {
    /// Starts one that wants `token`.
    pub fn start(token: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let kept = Arc::clone(&shelf);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                serve(connection, token, &kept);
            }
        });
        Self { address, shelf }
    }

    /// Hands out this bundle from now on.
    pub fn offer(&self, bundle: Vec<u8>, tag: &str) {
        self.shelf.lock().unwrap().bundle = Some((bundle, format!("\"{tag}\"")));
    }

    /// Closes connections without an answer from now on.
    pub fn leave(&self) {
        self.shelf.lock().unwrap().bundle = None;
    }

    /// Statuses of the answers so far.
    pub fn answers(&self) -> Vec<u16> {
        self.shelf.lock().unwrap().answers.clone()
    }
}

fn serve(mut connection: TcpStream, token: &str, shelf: &Mutex<Shelf>) {
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
    let mut head = Vec::new();
    while let Some(Ok(line)) = lines.next() {
        if line.is_empty() {
            break;
        }
        head.push(line.to_ascii_lowercase());
    }
    let mut shelf = shelf.lock().unwrap();
    let Some((bundle, tag)) = shelf.bundle.clone() else { return };
    let holds = |name: &str, value: &str| {
        let wanted = format!("{name}: {value}").to_ascii_lowercase();
        head.contains(&wanted)
    };
    let (status, body) = if !holds("authorization", &format!("Bearer {token}")) {
        (401, Vec::new())
    } else if holds("if-none-match", &tag) {
        (304, Vec::new())
    } else {
        (200, bundle)
    };
    shelf.answers.push(status);
    let head = format!(
        "HTTP/1.1 {status} x\r\netag: {tag}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&body));
}
