//! Rules: entity tags, and which of them an edit expects.

/// The entity tag of a store or an item. It changes with everything that the owner can set. Counters that anybody can change
/// (hearts, followers, sold pieces) are not in it: an edit must not fail because a customer liked the item.
///
/// Clients treat it as opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag(String);

impl EntityTag {
    /// The tag of this text, which has only visible ASCII characters and no quotation mark.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, without quotation marks.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The tags of a store or an item that an edit is meant for, or is not meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Any tag.
    Any,
    /// One of these tags.
    OneOf(Vec<EntityTag>),
}

impl Expected {
    /// Whether this tag is among them.
    pub fn has(&self, tag: &EntityTag) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.contains(tag),
        }
    }
}
