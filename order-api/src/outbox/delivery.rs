//! A delivery and its kind.

use uuid::Uuid;

/// The kind of a delivery, as the table and the metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind(&'static str);

impl Kind {
    /// The kind with this name; at most 24 ASCII characters.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// Something that has to be done in another service, at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// What has to be done.
    pub kind: Kind,
    /// The order, line or payout that it is about; which of them depends on the kind.
    pub subject_id: Uuid,
}

/// A delivery of which this process has the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// The number of this attempt, from 1.
    pub attempt: u32,
}

impl Delivery {
    /// The first attempt, of the process that has written the delivery.
    pub const fn first_attempt(self) -> ClaimedDelivery {
        ClaimedDelivery { delivery: self, attempt: 1 }
    }
}
