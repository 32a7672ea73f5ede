//! Connections: accepting them, reading requests off them, writing what the exchange decided.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::{Answer, request_id};
use super::exchange::{After, Finish, exchange};
use super::fault::Fault;
use super::http::{self, Unread};
use super::problem::Problem;
use super::shared::Shared;

/// Most bytes read and thrown away after a refusal, so that the client sees the answer instead of a reset.
const DRAIN_LIMIT: u64 = 16 * 1024 * 1024;

/// The pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A stream whose TCP connection can be reset.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    fn tcp(&self) -> &TcpStream;
    /// Whether bytes on the TCP connection are the request itself.
    fn is_plain(&self) -> bool;
}

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }

    fn is_plain(&self) -> bool {
        true
    }
}

impl Wire for tokio_rustls::server::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }

    fn is_plain(&self) -> bool {
        false
    }
}

/// Accepts until told to stop.
pub(super) async fn accept(
    shared: Arc<Shared>,
    listener: TcpListener,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        // A failed accept is the client's problem or a shortage of descriptors, which passes.
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        tasks.spawn(async move {
            let number = shared.accept();
            tokio::select! {
                () = stop.cancelled() => {}
                () = connection(&shared, stream, number) => {}
            }
            shared.close();
        });
    }
}

async fn connection(shared: &Shared, stream: TcpStream, number: u64) {
    // Small answers must not wait for acknowledgements; without the option they are only slower.
    let _ = stream.set_nodelay(true);
    let Some(config) = &shared.options.tls else { return requests(shared, stream, number).await };
    if strike_unread(shared, &stream).await {
        return;
    }
    if let Ok(stream) = TlsAcceptor::from(Arc::clone(config)).accept(stream).await {
        requests(shared, stream, number).await;
    }
}

/// Waits for the first bytes and strikes if a script says so. True when the connection is to be dropped.
async fn strike_unread(shared: &Shared, tcp: &TcpStream) -> bool {
    if !matches!(tcp.peek(&mut [0]).await, Ok(1..)) {
        return true;
    }
    let fault = shared.lock().scripts.take_unread();
    if matches!(fault, Some(Fault::ResetUnread)) {
        reset(tcp);
    }
    fault.is_some()
}

/// Makes the coming drop of the socket send RST. Should the option fail, the client sees FIN: also no answer.
fn reset(tcp: &TcpStream) {
    let _ = tcp.set_zero_linger();
}

async fn requests<S: Wire>(shared: &Shared, mut stream: S, number: u64) {
    let mut buffer = Vec::new();
    loop {
        if stream.is_plain() && buffer.is_empty() && strike_unread(shared, stream.tcp()).await {
            return;
        }
        let request = match http::read(&mut stream, &mut buffer, shared.options.body_limit).await {
            Ok(request) => request,
            Err(Unread::Gone) => return,
            Err(Unread::Bad(problem)) => return refuse(stream, &problem).await,
        };
        match exchange(shared, number, &request).await {
            Finish::Close => {
                let _ = stream.shutdown().await;
                return;
            }
            Finish::Reset => return reset(stream.tcp()),
            Finish::Send { bytes, drip, after } => {
                if write(&mut stream, &bytes, drip).await.is_err() {
                    return;
                }
                if after == After::Close {
                    let _ = stream.shutdown().await;
                    return;
                }
            }
        }
    }
}

async fn write<S: Wire>(
    stream: &mut S,
    bytes: &[u8],
    drip: Option<(usize, Duration)>,
) -> std::io::Result<()> {
    match drip {
        None => stream.write_all(bytes).await?,
        Some((size, pause)) => {
            for piece in bytes.chunks(size.max(1)) {
                stream.write_all(piece).await?;
                stream.flush().await?;
                tokio::time::sleep(pause).await;
            }
        }
    }
    stream.flush().await
}

/// Answers a request that could not be read and closes without cutting the answer off.
async fn refuse<S: Wire>(mut stream: S, problem: &Problem) {
    let bytes = Answer::refusal(&request_id(), problem).to_bytes(true);
    if stream.write_all(&bytes).await.is_err() || stream.shutdown().await.is_err() {
        return;
    }
    let _ = tokio::io::copy(&mut stream.take(DRAIN_LIMIT), &mut tokio::io::sink()).await;
}
