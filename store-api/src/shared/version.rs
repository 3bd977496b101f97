/// Which versions of a thing an edit is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it is now.
    Any,
    /// One of these, as the client has seen them.
    OneOf(Vec<i64>),
}

impl Expected {
    /// Whether the edit may go on when the thing is at this version.
    pub fn allows(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }
}
