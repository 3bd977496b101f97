//! What is requested.

use clap::ValueEnum;

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Row {
    /// The public keys, without a token
    Keys,
    /// The wallet of a member, with a token
    Wallet,
    /// A page of 20 items
    Items,
    /// The same page for a browser, which takes it compressed; only the gateway compresses
    Compressed,
    /// An answer of 1 KB
    Answer1k,
    /// An answer of 100 KB
    Answer100k,
    /// A request with a body of 1 KB
    Body1k,
    /// A request with a body of 100 KB
    Body100k,
}

impl Row {
    /// Its name in the table.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Keys => "keys, no token",
            Self::Wallet => "wallet, token",
            Self::Items => "item list",
            Self::Compressed => "item list, zstd",
            Self::Answer1k => "answer of 1 KB",
            Self::Answer100k => "answer of 100 KB",
            Self::Body1k => "body of 1 KB",
            Self::Body100k => "body of 100 KB",
        }
    }

    /// A path of the gateway's route table.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Keys => "/.well-known/jwks.json",
            Self::Wallet => "/api/member/me/wallet",
            Self::Items | Self::Compressed => "/api/store/items",
            Self::Answer1k => "/api/store/items/1k",
            Self::Answer100k => "/api/store/items/100k",
            Self::Body1k | Self::Body100k => "/api/member/sessions",
        }
    }

    /// The codings that its client takes.
    pub(super) fn accepts(self) -> Option<&'static str> {
        (self == Self::Compressed).then_some("gzip, deflate, br, zstd")
    }

    pub(super) fn has_token(self) -> bool {
        self == Self::Wallet
    }

    /// The length of its body; without one it is a GET.
    pub(super) fn body_bytes(self) -> Option<usize> {
        match self {
            Self::Body1k => Some(1_000),
            Self::Body100k => Some(100_000),
            _ => None,
        }
    }

    /// The rows of the aims are measured with all numbers of connections, the others with one number.
    pub(super) fn is_measured_with(self, connections: u32) -> bool {
        matches!(self, Self::Keys | Self::Wallet) || connections == 32
    }
}
