/// The versions of a store or an item that an edit is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Any version.
    Any,
    /// One of these versions, which the client has seen.
    OneOf(Vec<i64>),
}

impl Expected {
    /// Whether the edit is meant for this version.
    pub fn allows(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }
}
