//! The load: `wrk`, with one thread.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use stack::Program;

/// What one run of `wrk` sends.
pub(super) struct Load {
    pub(super) url: String,
    pub(super) token: Option<String>,
    /// The value of `Accept-Encoding`.
    pub(super) accepts: Option<&'static str>,
    /// A POST with a body of this length, or a GET.
    pub(super) body: Option<usize>,
    pub(super) connections: u32,
    pub(super) time: Duration,
}

/// What it got.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) requests: u32,
    pub(super) per_second: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

impl Load {
    pub(super) fn run(&self, wrk: &Program, folder: &Path) -> anyhow::Result<Answered> {
        let mut command = wrk.command();
        command.args(["--threads", "1", "--latency", "--timeout", "10"]);
        command.arg("--connections").arg(self.connections.to_string());
        command.arg("--duration").arg(format!("{}s", self.time.as_secs()));
        if let Some(token) = &self.token {
            command.arg("--header").arg(format!("Authorization: Bearer {token}"));
        }
        if let Some(codings) = self.accepts {
            command.arg("--header").arg(format!("Accept-Encoding: {codings}"));
        }
        if let Some(length) = self.body {
            let script = folder.join(format!("body-{length}.lua"));
            let text = format!(
                "wrk.method = 'POST'\nwrk.body = '{{\"text\":\"' .. string.rep('x', {length} - 11) .. '\"}}'\n\
                 wrk.headers['Content-Type'] = 'application/json'\n"
            );
            fs::write(&script, text)?;
            command.arg("--script").arg(script);
        }
        let output = command.arg(&self.url).output().context("running wrk")?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr));
        read(&text).with_context(|| format!("the output of wrk for {}: {text}", self.url))
    }
}

/// Reads the output of `wrk`. A run with errors does not count.
fn read(text: &str) -> anyhow::Result<Answered> {
    let errors = text.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors"));
    ensure!(errors.is_none(), "{}", errors.unwrap_or_default().trim());
    let after = |prefix: &str| text.lines().find_map(|line| line.trim().strip_prefix(prefix)).map(str::trim);
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in "));
    Ok(Answered {
        requests: requests.context("no number of requests")?.0.parse()?,
        per_second: after("Requests/sec:").context("no rate")?.parse()?,
        p50: after("50%").and_then(time).context("no p50")?,
        p99: after("99%").and_then(time).context("no p99")?,
    })
}

/// A time such as `1.23ms`.
fn time(text: &str) -> Option<Duration> {
    let begin = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(begin);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    };
    Some(Duration::from_secs_f64(number.parse::<f64>().ok()? * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "Running 3s test @ http://127.0.0.1:1/\n  1 threads and 32 connections\n  Latency Distribution\n     \
                          50%  550.00us\n     75%    1.00ms\n     90%    1.20ms\n     99%    2.50ms\n  150000 requests in \
                          3.00s, 20.00MB read\nRequests/sec:  50000.00\nTransfer/sec:      6.67MB\n";

    #[test]
    fn the_output_of_wrk_is_read() {
        let answered = read(OUTPUT).unwrap();
        assert_eq!(
            (answered.requests, answered.p50.as_micros(), answered.p99.as_micros()),
            (150_000, 550, 2_500)
        );
        assert!((answered.per_second - 50_000.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_run_with_errors_does_not_count() {
        let text = format!("{OUTPUT}  Non-2xx or 3xx responses: 3\n");
        assert!(read(&text).unwrap_err().to_string().contains("Non-2xx"));
    }
}
