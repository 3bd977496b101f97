//! Black-box tests: real processes, called as clients call them, killed and started again.
//!
//! This library is what the tests in `tests/` share. Each test binary has a stack of its own. `cargo xtask test` builds
//! the services and tells the tests where they are. Clients, members, items for sale and the fault proxy are `testkit`'s.
//!
//! | module | owns |
//! |---|---|
//! | [`test_stack`] | starting the stack of a test binary |
//! | [`ownership`] | whether an answer belongs to the member who asked |
//! | [`forged_tokens`] | tokens that the gateway must refuse |
//! | [`databases`] | the promises about money and stock, checked in the databases |

pub mod databases;
pub mod forged_tokens;
pub mod ownership;
pub mod test_stack;

/// A client of the gateway, or of one service.
pub type Client = testkit::Client<testkit::Server>;
/// A request to the gateway, or to one service.
pub type Request = testkit::Request<testkit::Server>;
