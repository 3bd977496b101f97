//! The features of a service use each other only as docs/architecture.md says.
//!
//! The allowed arrows are read from the document, so that the document and the check can't differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};

use crate::sources::{Arrow, Crate};

const DOCUMENT: &str = "docs/architecture.md";
const HEADING: &str = "## Features and their arrows";
const FENCE: &str = "```";
/// The services whose `src/` has a folder for each feature.
const SERVICES: [&str; 3] = ["member-api", "store-api", "order-api"];

/// The features of one service, and which others each may use.
type Features = BTreeMap<String, BTreeSet<String>>;

/// The differences between the sources and the document.
pub(super) fn faults(checkout: &Path) -> anyhow::Result<Vec<String>> {
    let document = fs::read_to_string(checkout.join(DOCUMENT)).context("reading docs/architecture.md")?;
    let documented = read(&document).context(DOCUMENT)?;
    let mut faults = Vec::new();
    for service in SERVICES {
        let Some(features) = documented.get(service) else {
            bail!("{DOCUMENT} says no features of {service}")
        };
        let sources = Path::new(service).join("src");
        faults.extend(differing_names(service, features, &folders(&checkout.join(&sources))?));
        let arrows = Crate::read(checkout, &sources.join("lib.rs"))?.arrows();
        faults.extend(unknown_arrows(service, features, &arrows));
    }
    Ok(faults)
}

/// The features of each service.
fn read(document: &str) -> anyhow::Result<BTreeMap<String, Features>> {
    let mut services: BTreeMap<String, Features> = BTreeMap::new();
    for line in lines(document)? {
        let (service, rest) =
            line.split_once(':').with_context(|| format!("no service in the line `{line}`"))?;
        let (feature, others) = rest.split_once("->").unwrap_or((rest, ""));
        let others = others.split(',').map(|other| other.trim().to_owned()).filter(|other| !other.is_empty());
        let features = services.entry(service.to_owned()).or_default();
        let before = features.insert(feature.trim().to_owned(), others.collect());
        ensure!(before.is_none(), "two lines for one feature: `{line}`");
    }
    for (service, features) in &services {
        check(features).with_context(|| service.clone())?;
    }
    Ok(services)
}

/// The lines of the fenced block under the heading.
fn lines(document: &str) -> anyhow::Result<Vec<&str>> {
    let mut after = document.lines().skip_while(|line| *line != HEADING).skip(1);
    let of_section = after.by_ref().take_while(|line| !line.starts_with('#'));
    let block = of_section.skip_while(|line| !line.starts_with(FENCE)).skip(1);
    let lines: Vec<&str> = block.take_while(|line| *line != FENCE).filter(|line| !line.is_empty()).collect();
    ensure!(!lines.is_empty(), "no list under the heading `{HEADING}`");
    Ok(lines)
}

/// Checks that every feature has a line of its own, and that no feature uses itself through others.
fn check(features: &Features) -> anyhow::Result<()> {
    for (feature, others) in features {
        for other in others {
            ensure!(features.contains_key(other), "{feature} uses {other}, which has no line of its own");
        }
        ensure!(
            !reachable(features, feature).contains(feature.as_str()),
            "{feature} uses itself through others"
        );
    }
    Ok(())
}

/// The features that a feature may use: those of its line, and those that they may use.
fn reachable<'a>(features: &'a Features, feature: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&str> = features.get(feature).into_iter().flatten().map(String::as_str).collect();
    while let Some(next) = waiting.pop() {
        if reached.insert(next) {
            waiting.extend(features.get(next).into_iter().flatten().map(String::as_str));
        }
    }
    reached
}

/// The names of the folders in a folder.
fn folders(sources: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut folders = BTreeSet::new();
    for entry in fs::read_dir(sources).with_context(|| format!("reading {}", sources.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(folders)
}

fn differing_names(service: &str, features: &Features, folders: &BTreeSet<String>) -> Vec<String> {
    let without_line = folders.iter().filter(|folder| !features.contains_key(*folder));
    let without_folder = features.keys().filter(|feature| !folders.contains(*feature));
    without_line
        .map(|folder| format!("{service}/src/{folder}/ has no line in {DOCUMENT}"))
        .chain(
            without_folder
                .map(|feature| format!("{DOCUMENT} names {service}/src/{feature}/, which is not there")),
        )
        .collect()
}

/// The arrows between features that are not in the document, each with an example. Files that belong to no feature may use
/// every feature, and every feature may use them.
fn unknown_arrows(service: &str, features: &Features, arrows: &[Arrow]) -> Vec<String> {
    let mut unknown: BTreeMap<(&str, &str), Vec<&Arrow>> = BTreeMap::new();
    for arrow in arrows {
        if let (Some(from), Some(to)) = (feature(service, &arrow.from), feature(service, &arrow.to))
            && from != to
            && !reachable(features, from).contains(to)
        {
            unknown.entry((from, to)).or_default().push(arrow);
        }
    }
    let shown = unknown.iter().map(|((from, to), arrows)| {
        let Arrow { from: file, to: other, by } = arrows[0];
        format!(
            "{service}: {DOCUMENT} has no arrow from {from} to {to}, but the sources have {}, for example\n  {} uses {} ({by})",
            arrows.len(),
            file.display(),
            other.display()
        )
    });
    shown.collect()
}

/// The folder of a service's `src/` that a file is in.
fn feature<'a>(service: &str, file: &'a Path) -> Option<&'a str> {
    let within = file.strip_prefix(service).ok()?.strip_prefix("src").ok()?;
    let mut parts = within.iter();
    let first = parts.next()?.to_str()?;
    parts.next().map(|_| first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTED: &str = "# A\n\n## Features and their arrows\n\nThis.\n\n```text\n\
        shop: checkout -> orders, cart\nshop: orders -> batch\nshop: cart\nshop: batch ->\n```\n\n## B\n";

    fn arrow(from: &str, to: &str) -> Arrow {
        Arrow { from: from.into(), to: to.into(), by: "crate::x".to_owned() }
    }

    fn unknown(arrows: &[(&str, &str)]) -> Vec<String> {
        let arrows: Vec<Arrow> = arrows.iter().map(|(from, to)| arrow(from, to)).collect();
        unknown_arrows("shop", &read(DOCUMENTED).unwrap()["shop"], &arrows)
    }

    #[test]
    fn arrows_of_the_document_are_allowed_directly_and_through_others() {
        let allowed = [
            ("shop/src/checkout/saga.rs", "shop/src/cart/mod.rs"),
            ("shop/src/checkout/saga.rs", "shop/src/batch/mod.rs"),
            ("shop/src/cart/a.rs", "shop/src/cart/b.rs"),
            ("shop/src/cart/a.rs", "shop/src/state.rs"),
        ];
        assert_eq!(unknown(&allowed), [""; 0]);
    }

    #[test]
    fn an_arrow_that_is_not_in_the_document_is_a_fault() {
        let found = unknown(&[
            ("shop/src/cart/view.rs", "shop/src/orders/line.rs"),
            ("shop/src/cart/view.rs", "shop/src/orders/order.rs"),
            ("shop/src/batch/mod.rs", "shop/src/checkout/saga.rs"),
        ]);
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[1],
            "shop: docs/architecture.md has no arrow from cart to orders, but the sources have 2, for example\n  \
             shop/src/cart/view.rs uses shop/src/orders/line.rs (crate::x)"
        );
    }

    #[test]
    fn the_document_and_the_folders_name_the_same_features() {
        let folders = ["checkout", "orders", "cart", "refunds"].map(str::to_owned).into();
        assert_eq!(
            differing_names("shop", &read(DOCUMENTED).unwrap()["shop"], &folders),
            [
                "shop/src/refunds/ has no line in docs/architecture.md",
                "docs/architecture.md names shop/src/batch/, which is not there"
            ]
        );
    }

    #[test]
    fn a_document_that_makes_no_sense_is_refused() {
        let refusal = |line: &str| {
            let error = read(&DOCUMENTED.replace("shop: cart\n", &format!("{line}\n"))).unwrap_err();
            format!("{error:#}")
        };
        assert_eq!(refusal("shop: cart -> stock"), "shop: cart uses stock, which has no line of its own");
        assert!(refusal("shop: cart -> checkout").ends_with("uses itself through others"));
        assert_eq!(refusal("shop: orders"), "two lines for one feature: `shop: orders`");
        assert_eq!(refusal("cart"), "no service in the line `cart`");
        assert!(read("# A\n").is_err());
        assert!(read("## Features and their arrows\n\n## B\n```\nshop: cart\n```\n").is_err());
    }
}
