//! order-api with real servers: MariaDB or MySQL, Redis, and the routers of member-api and store-api. Each service has a
//! schema of its own. Between the services are proxies that lose or hold requests and replies if a test demands it.

mod accounts;
mod after_sale;
mod cart_additions;
mod cart_versions;
mod carts_cancelled;
mod carts_in_redis;
mod carts_shown;
mod checkout;
mod closing;
mod crashes;
mod deliveries;
mod figures;
mod line_keys;
mod midnight;
mod one_line_one_order;
mod orders_shown;
mod payouts;
mod refusals;
mod settlement;
mod settlement_books;
mod settlement_runs;
mod strictness;
mod support;
mod texts;
mod workers;
