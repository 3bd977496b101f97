//! order-api against the real thing: MariaDB or MySQL, Redis, and the real routers of member-api and store-api, each on a
//! schema of its own, behind a proxy that loses replies where a test wants it to.

mod after_sale;
mod carts_cancelled;
mod carts_in_redis;
mod carts_shown;
mod checkout;
mod closing;
mod crashes;
mod deliveries;
mod figures;
mod midnight;
mod orders_shown;
mod payouts;
mod refusals;
mod settlement;
mod settlement_books;
mod settlement_runs;
mod support;
mod workers;
