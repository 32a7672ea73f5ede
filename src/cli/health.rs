//! `zengate health`: asks a running gateway how it is, for probes of containers and scripts that have no other client.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{Request, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::serve::describe;
use super::{say, say_out};

/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 * 1024;

/// Ask a running gateway whether it is alive or ready.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 well, 1 not well or no answer, 2 wrong usage")]
pub(super) struct HealthArgs {
    /// The page of the admin listener: /livez or /readyz.
    #[arg(long, default_value = "http://127.0.0.1:9180/readyz", value_name = "URL")]
    url: Uri,
    /// Seconds to wait for the whole answer.
    #[arg(long, default_value_t = 3, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

/// Runs the command; the answer is the exit code.
pub(super) async fn run(args: HealthArgs) -> Result<u8, String> {
    if args.url.scheme_str() != Some("http") || args.url.authority().is_none() {
        return Err(
            "--url must be http://ADDRESS:PORT/PAGE: the admin listener speaks HTTP in the clear".to_owned()
        );
    }
    match tokio::time::timeout(Duration::from_secs(args.timeout), ask(&args.url)).await {
        Ok(Ok((200, page))) => {
            say_out(&page);
            Ok(0)
        }
        Ok(Ok((status, page))) => {
            say(&format!("{} answers {status}: {}", args.url, page.trim_end()));
            Ok(1)
        }
        Ok(Err(error)) => {
            say(&format!("{}: {}", args.url, describe(&*error)));
            Ok(1)
        }
        Err(_) => {
            say(&format!("{} did not answer within {} s", args.url, args.timeout));
            Ok(1)
        }
    }
}

async fn ask(url: &Uri) -> Result<(u16, String), Box<dyn std::error::Error + Send + Sync>> {
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let port = url.port_u16().unwrap_or(80);
    // An IPv6 address stands in brackets in a URL, and without them everywhere else.
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path).header(header::HOST, authority).body(Empty::<Bytes>::new())?;
    let answer = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let page = Limited::new(body, LONGEST).collect().await?.to_bytes();
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((
            head.status.as_u16(),
            String::from_utf8_lossy(&page).into_owned(),
        ))
    };
    // The connection is driven beside the answer and dropped with it.
    tokio::select! {
        answer = answer => answer,
        Err(error) = connection => Err(error.into()),
    }
}
