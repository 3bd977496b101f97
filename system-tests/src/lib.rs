//! Black-box tests: real processes, called as clients call them, killed and started again.
//!
//! This library is what the tests in `tests/` share; each of those files is a test binary with one stack of its own.
//! `cargo xtask test` builds the services and says where they are.
//!
//! | module | owns |
//! |---|---|
//! | [`arena`] | starting the stack of a test binary |
//! | [`client`] | calls through the gateway |
//! | [`people`], [`shop`] | members and things for sale, made as the tests need them |
//! | [`own`] | whether an answer is the asker's own |
//! | [`forgery`] | tokens that must not be believed |
//! | [`books`] | the promises about money and stock, proved from the databases alone |
//! | [`trap`] | stopping the world at one statement of one service |

pub mod arena;
pub mod books;
pub mod client;
pub mod forgery;
pub mod own;
pub mod people;
pub mod shop;
pub mod trap;
