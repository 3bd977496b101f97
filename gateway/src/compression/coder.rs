//! Compressing and decompressing a whole body.

use std::io;

use async_compression::Level;
use async_compression::brotli::EncoderParams;
use async_compression::tokio::bufread::{BrotliEncoder, GzipDecoder, GzipEncoder, ZstdEncoder};
use async_compression::zstd::CParameter;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::accept::Coding;

/// For answers that are made anew each time: higher levels take several times as long and spare a few percent.
const GZIP_LEVEL: Level = Level::Precise(5);
const BROTLI_LEVEL: Level = Level::Precise(4);
const ZSTD_LEVEL: Level = Level::Precise(3);

/// The binary logarithm of how far a coder looks back. A larger window takes more memory; an answer has hardly more bytes.
const WINDOW_LOG: u8 = 18;

pub(super) async fn compressed(coding: Coding, body: &[u8]) -> io::Result<Vec<u8>> {
    let about = body.len() / 4;
    match coding {
        Coding::Gzip => whole(GzipEncoder::with_quality(body, GZIP_LEVEL), about).await,
        Coding::Brotli => {
            let params = EncoderParams::default()
                .quality(BROTLI_LEVEL)
                .window_size(WINDOW_LOG.into())
                .size_hint(body.len());
            whole(BrotliEncoder::with_params(body, params), about).await
        }
        Coding::Zstd => {
            let window = [CParameter::window_log(WINDOW_LOG.into())];
            whole(ZstdEncoder::with_quality_and_params(body, ZSTD_LEVEL, &window), about).await
        }
    }
}

/// Unpacks what this program has packed.
pub(crate) async fn decompressed(gzip: &[u8]) -> io::Result<Vec<u8>> {
    whole(GzipDecoder::new(gzip), 4 * gzip.len()).await
}

async fn whole(mut coder: impl AsyncRead + Unpin, about: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(about);
    coder.read_to_end(&mut bytes).await?;
    Ok(bytes)
}
