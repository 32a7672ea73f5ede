//! `zengate health`: asks a running gateway how it is, for probes of containers and scripts that have no other client.

use std::time::Duration;

use clap::Args;
use http::Uri;

use super::admin::{Access, Question, check};
use super::{say_error, say_out};

/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 * 1024;

/// Ask a running gateway whether it is alive or ready.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  zengate health\n  zengate health --url http://127.0.0.1:9180/livez --timeout 1\n\n\
    Exit codes: 0 well, 1 not well or no answer, 2 wrong usage"
)]
pub(super) struct HealthArgs {
    /// The page of the admin listener: /livez or /readyz.
    #[arg(long, default_value = "http://127.0.0.1:9180/readyz", value_name = "URL")]
    url: Uri,
    /// Seconds to wait for the whole answer.
    #[arg(long, default_value_t = 3, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
    #[command(flatten)]
    access: Access,
}

/// Runs the command; the answer is the exit code.
pub(super) async fn run(args: HealthArgs) -> Result<u8, String> {
    check(&args.url, "--url")?;
    let timeout = Duration::from_secs(args.timeout);
    match (Question { url: &args.url, access: &args.access, document: None, timeout, longest: LONGEST })
        .ask()
        .await
    {
        Ok((200, page)) => {
            say_out(&page);
            Ok(0)
        }
        Ok((status, page)) => {
            say_error(&format!("{} answers {status}: {}", args.url, page.trim_end()));
            Ok(1)
        }
        Err(why) => {
            say_error(&why);
            Ok(1)
        }
    }
}
