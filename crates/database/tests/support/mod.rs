//! What the tests of this crate share.

use sqlx::mysql::MySqlConnectOptions;
use testkit::FaultProxy;

/// The same server behind a proxy.
pub(crate) fn behind(options: MySqlConnectOptions) -> (FaultProxy, MySqlConnectOptions) {
    let proxy = FaultProxy::to(&format!("{}:{}", options.get_host(), options.get_port()));
    let address = proxy.address();
    (proxy, options.host(&address.ip().to_string()).port(address.port()))
}
