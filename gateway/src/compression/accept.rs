//! Rules: which coding a client prefers (RFC 9110, section 12.5.3).

/// A coding that the gateway can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Zstd,
    Brotli,
    Gzip,
}

/// The codings in the order in which they are chosen, if the client does not say what it prefers.
pub(super) const CODINGS: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

impl Coding {
    /// Its name in HTTP.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    fn is_called(self, name: &str) -> bool {
        name.eq_ignore_ascii_case(self.name()) || (self == Self::Gzip && name.eq_ignore_ascii_case("x-gzip"))
    }
}

/// The best coding for a client that has sent these values of `Accept-Encoding`. `None` if it likes none better than no coding.
pub(super) fn preferred(values: &[&str]) -> Option<Coding> {
    // Without a word of the client about it, it takes an answer without coding, and prefers one with a coding that it has named.
    let identity = weight(values, |name| name.eq_ignore_ascii_case("identity"));
    let weight_of = |coding: Coding| weight(values, |name| coding.is_called(name));
    let weighted = CODINGS.into_iter().filter_map(|coding| Some((coding, weight_of(coding)?)));
    let (best, weight) = weighted.reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    (weight > 0 && identity.is_none_or(|identity| weight >= identity)).then_some(best)
}

/// Whether a client that has sent these values takes an answer in this coding.
pub(super) fn takes(values: &[&str], coding: Coding) -> bool {
    weight(values, |name| coding.is_called(name)).is_some_and(|weight| weight > 0)
}

/// The weight of a coding, in thousandths: that of its name, or that of `*`. `None` if there is neither.
fn weight(values: &[&str], is_name: impl Fn(&str) -> bool) -> Option<u16> {
    let (mut named, mut any) = (None, None);
    for element in values.iter().flat_map(|value| value.split(',')) {
        let (name, parameters) = element.split_once(';').unwrap_or((element, ""));
        let name = name.trim();
        if is_name(name) {
            named = named.or(Some(quality(parameters)));
        } else if name == "*" {
            any = any.or(Some(quality(parameters)));
        }
    }
    named.or(any)
}

/// The `q` among parameters; one without it. A coding whose `q` can't be read is not taken.
fn quality(parameters: &str) -> u16 {
    let mut named = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    match named.find(|(name, _)| name.trim().eq_ignore_ascii_case("q")) {
        None => 1_000,
        Some((_, value)) => match value.trim().parse::<f32>() {
            // The range is checked, so that nothing is cut off.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is from 0 to 1000"
            )]
            Ok(quality) if (0.0..=1.0).contains(&quality) => (quality * 1_000.0).round() as u16,
            _ => 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(values: &[&str]) -> Option<&'static str> {
        preferred(values).map(Coding::name)
    }

    #[test]
    fn the_client_decides_by_its_weights() {
        for (value, coding) in [
            ("gzip", "gzip"),
            ("GZip", "gzip"),
            ("x-gzip", "gzip"),
            ("gzip, deflate, br, zstd", "zstd"),
            ("gzip, br", "br"),
            ("gzip;q=1.0, br;q=0.5", "gzip"),
            ("br;q=0.001, gzip; q=0", "br"),
            ("*", "zstd"),
            ("zstd;q=0, *", "br"),
            ("gzip, identity", "gzip"),
            ("gzip;q=0.5, *;q=0", "gzip"),
            ("identity;q=0, gzip;q=0.1", "gzip"),
        ] {
            assert_eq!(best(&[value]), Some(coding), "{value}");
        }
        assert_eq!(best(&["deflate", "br"]), Some("br"));
    }

    #[test]
    fn who_does_not_ask_for_a_coding_gets_none() {
        let without: [&[&str]; 10] = [
            &[],
            &[""],
            &["identity"],
            &["deflate"],
            &["gzip;q=0"],
            &["*;q=0"],
            &["identity, gzip;q=0.5"],
            &["gzip;q=2"],
            &["gzip;q=high"],
            &["gzipped, xbr"],
        ];
        for values in without {
            assert_eq!(best(values), None, "{values:?}");
        }
    }

    #[test]
    fn one_coding_may_be_taken_without_being_preferred() {
        assert!(takes(&["zstd, gzip;q=0.1"], Coding::Gzip));
        assert!(takes(&["*"], Coding::Gzip));
        assert!(!takes(&["zstd, gzip;q=0"], Coding::Gzip));
        assert!(!takes(&["zstd"], Coding::Gzip));
    }
}
