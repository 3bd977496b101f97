//! The words and rules of carts and orders: pure, without a clock, a database or a network.
//!
//! * [`quantity`]: how many of one option
//! * [`cart`]: what a customer wants, and what they last saw of it
//! * [`comparison`]: a cart against the store as it is now, and what the customer is told of it
//! * [`order`]: an order, its lines, and why an order fails
//! * [`mod@line`]: the states of a line and who may change them
//! * [`checkout`]: the states of a checkout, and which way it goes from each
//! * [`delivery`]: what is owed to other services once something was decided here
//! * [`day`]: business days in Asia/Seoul
//! * [`totals`]: what a sale and a refund add to their seller's day, and to which
//! * [`control`]: the sums by which totals are proved against lines
//! * [`settlement`]: what a seller is owed for a day, and payouts

pub mod cart;
pub mod checkout;
pub mod comparison;
pub mod control;
pub mod day;
pub mod delivery;
pub mod line;
pub mod order;
pub mod quantity;
pub mod settlement;
pub mod totals;
