//! A server that takes decision records as OPA sends them, and can be told to refuse them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// See the module.
pub struct Collector {
    pub address: SocketAddr,
    away: Arc<AtomicBool>,
    records: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    /// Starts one that wants `token`.
    pub fn start(token: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (away, records) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let (told, kept) = (Arc::clone(&away), Arc::clone(&records));
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                serve(connection, token, &told, &kept);
            }
        });
        Self { address, away, records }
    }

    /// Refuses everything from now on, or takes it again.
    pub fn away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// What has come.
    pub fn records(&self) -> Vec<Value> {
        self.records.lock().unwrap().clone()
    }
}

fn serve(mut connection: TcpStream, token: &str, away: &AtomicBool, records: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) < 3 {
            break;
        }
        head.push(line.trim().to_ascii_lowercase());
    }
    let value =
        |name: &str| head.iter().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or("");
    let length = value("content-length:").parse().unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let good = value("authorization:") == format!("bearer {token}").to_ascii_lowercase()
        && value("content-encoding:") == "gzip"
        && !away.load(Ordering::SeqCst);
    if good {
        let text = std::io::read_to_string(flate2::read::GzDecoder::new(body.as_slice())).unwrap();
        records.lock().unwrap().extend(serde_json::from_str::<Vec<Value>>(&text).unwrap());
    }
    let status = if good { 200 } else { 503 };
    let _ = connection.write_all(format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n").as_bytes());
}
