//! Asks an ejected instance whether it answers again, so that no caller has to find out.
//!
//! A process that stands still still accepts connections, in its kernel. So the question is an HTTP request, and any answer will
//! do.

use std::net::SocketAddr;
use std::sync::Weak;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use crate::instance::Instance;

/// How long an instance may take to answer the question.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
/// The time from a question without an answer to the next one. It is short, because nobody waits for it.
const PAUSE: Duration = Duration::from_secs(1);

const QUESTION: &[u8] = b"HEAD /healthz HTTP/1.1\r\nHost: discovery\r\nConnection: close\r\n\r\n";
const BEGINNING_OF_AN_ANSWER: &[u8] = b"HTTP/1.";

/// Waits for the end of an ejection, and asks until there is an answer. Ends also when nobody knows the instance any more, or
/// when a caller has had an answer.
pub(crate) async fn watch(instance: Weak<Instance>) {
    loop {
        let Some(probe_at) = instance.upgrade().and_then(|instance| instance.probe_at()) else { return };
        sleep_until(probe_at).await;
        let Some(address) = instance.upgrade().map(|instance| instance.address()) else { return };
        let answers = answers(address).await;
        let Some(instance) = instance.upgrade() else { return };
        if answers {
            return instance.has_recovered();
        }
        instance.is_still_away(Instant::now() + PAUSE);
    }
}

async fn answers(address: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(QUESTION).await?;
        let mut answer = [0; BEGINNING_OF_AN_ANSWER.len()];
        stream.read_exact(&mut answer).await?;
        std::io::Result::Ok(answer == BEGINNING_OF_AN_ANSWER)
    };
    matches!(timeout(PATIENCE, asked).await, Ok(Ok(true)))
}
