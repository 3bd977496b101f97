//! The files of all branches and tags at one moment. Heads never change.

use std::collections::BTreeMap;
use std::sync::Arc;

use gix::ObjectId;

use crate::repository::fault::{BrokenFile, BrokenFiles};
use crate::repository::snapshot::Snapshot;

/// The files of a commit.
#[derive(Debug)]
pub(in crate::repository) struct Head {
    /// The id of the commit.
    pub(in crate::repository) commit: String,
    pub(in crate::repository) files: Arc<Snapshot>,
}

/// The heads by their labels, and the ids of all commits that they lead to.
#[derive(Debug, Default)]
pub(super) struct Heads {
    pub(super) by_label: BTreeMap<String, Arc<Head>>,
    /// In their order.
    pub(super) commits: Vec<ObjectId>,
}

impl Head {
    /// The settings files that can't be used.
    pub(super) fn broken(&self) -> Vec<BrokenFile> {
        BrokenFiles::of(&self.files).0
    }
}

impl Heads {
    /// The full id of a commit that a branch or a tag leads to, by at least seven digits of it. `None` if there is none, or
    /// more than one. What was removed by a forced push is not served any more.
    pub(super) fn commit(&self, digits: &str) -> Option<ObjectId> {
        if !(7..=40).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let digits = digits.to_ascii_lowercase();
        // The first and the last id that begin with these digits.
        let padded =
            |with: &str| ObjectId::from_hex(format!("{digits}{}", with.repeat(40 - digits.len())).as_bytes());
        let (first, last) = (padded("0").ok()?, padded("f").ok()?);
        let start = self.commits.partition_point(|id| *id < first);
        let mut found = self.commits[start..].iter().take_while(|id| **id <= last);
        match (found.next(), found.next()) {
            (Some(id), None) => Some(*id),
            _ => None,
        }
    }

    /// Whether all labels lead to the same commits.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let commits = |heads: &Self| -> Vec<(String, String)> {
            heads.by_label.iter().map(|(label, head)| (label.clone(), head.commit.clone())).collect()
        };
        commits(self) == commits(other)
    }

    /// Keeps the last good files of a label whose new files are broken. Returns what is broken.
    pub(super) fn keep_good_of(&mut self, before: &Self) -> Vec<BrokenFile> {
        let mut all = Vec::new();
        for (label, head) in &mut self.by_label {
            let broken = head.broken();
            if broken.is_empty() {
                continue;
            }
            if let Some(good) = before.by_label.get(label).filter(|good| good.broken().is_empty()) {
                *head = Arc::clone(good);
            }
            all.extend(
                broken.into_iter().map(|file| BrokenFile { path: format!("{label}: {}", file.path), ..file }),
            );
        }
        all
    }
}
