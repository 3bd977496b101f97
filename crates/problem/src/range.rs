//! The rules of a range of which a client sends both ends. A range whose end lies before its start is a fault of both ends,
//! so that the answer names both.
//!
//! ```
//! use problem::range::{not_after, not_before};
//!
//! #[derive(serde::Deserialize, garde::Validate)]
//! #[serde(rename_all = "camelCase")]
//! struct Filter {
//!     #[garde(inner(custom(not_after("maxPrice", self.max_price.as_ref()))))]
//!     min_price: Option<i64>,
//!     #[garde(inner(custom(not_before("minPrice", self.min_price.as_ref()))))]
//!     max_price: Option<i64>,
//! }
//!
//! let refused = problem::Parameters::parse("minPrice=2&maxPrice=1").read::<Filter>().err().expect("it ends before it starts");
//! let mut pointers: Vec<&str> = refused.body().errors.iter().map(|fault| fault.pointer.as_str()).collect();
//! pointers.sort_unstable();
//! assert_eq!(pointers, ["/maxPrice", "/minPrice"]);
//! assert!(problem::Parameters::parse("minPrice=2&maxPrice=2").read::<Filter>().is_ok());
//! ```

/// An end of a range.
pub trait Bound {
    /// Whether a range from `start` to this end lies the wrong way round. A range from a value to itself does not.
    fn ends_before(&self, start: &Self) -> bool;
}

impl<T: Ord> Bound for T {
    fn ends_before(&self, start: &Self) -> bool {
        self < start
    }
}

/// The rule of the start, for `garde(custom(…))`. `end` is the member `name`, if it was sent.
pub fn not_after<'a, T: Bound>(
    name: &'static str,
    end: Option<&'a T>,
) -> impl FnOnce(&T, &()) -> garde::Result + use<'a, T> {
    move |start, ()| match end {
        Some(end) if end.ends_before(start) => Err(garde::Error::new(format!("must not be after `{name}`"))),
        _ => Ok(()),
    }
}

/// The rule of the end, for `garde(custom(…))`. `start` is the member `name`, if it was sent.
pub fn not_before<'a, T: Bound>(
    name: &'static str,
    start: Option<&'a T>,
) -> impl FnOnce(&T, &()) -> garde::Result + use<'a, T> {
    move |end, ()| match start {
        Some(start) if end.ends_before(start) => {
            Err(garde::Error::new(format!("must not be before `{name}`")))
        }
        _ => Ok(()),
    }
}
