//! The stack of these tests, and the load on it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use stack::{Override, Stack};
use system_tests::test_stack::{blocking, exclusive, gateway, start_many, start_stopped_parts};
use testkit::member::Member;
use testkit::shop::{Item, list_item};
use testkit::until;
use tokio::sync::MutexGuard;

use crate::load::{Kinds, Load};

const COUNTS: [(&str, u16); 4] = [("member-api", 2), ("store-api", 2), ("order-api", 2), ("gateway", 2)];
/// Shorter than in operation, so that a test meets it soon; longer than a busy machine takes for any request.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(5);
/// After this time a request that may be repeated is sent to another instance.
pub(crate) const TRY_TIMEOUT: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct World {
    pub(crate) stack: Arc<Stack>,
    pub(crate) member: Member,
    pub(crate) item: Item,
    _exclusive: MutexGuard<'static, ()>,
}

impl World {
    pub(crate) async fn new() -> Self {
        static STACK: OnceLock<Arc<Stack>> = OnceLock::new();
        let exclusive = exclusive().await;
        let start = || {
            let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap();
            let overrides = vec![
                Override::new("gateway", "upstream.first-byte-timeout-ms", milliseconds(FIRST_BYTE_TIMEOUT)),
                Override::new("gateway", "upstream.try-timeout-ms", milliseconds(TRY_TIMEOUT)),
            ];
            Arc::new(start_many(&COUNTS, overrides))
        };
        let stack = tokio::task::spawn_blocking(move || STACK.get_or_init(start).clone()).await.unwrap();
        start_stopped_parts(&stack).await;
        let client = gateway(&stack);
        let seller = Member::seller(&client).await;
        let item = list_item(&client, &seller, &[(10_000, 1_000)]).await;
        let member = Member::customer(&client, 100_000).await;
        member.add_to_cart(&item.options[0], 1).await;
        let world = Self { stack, member, item, _exclusive: exclusive };
        world.wait_until_all_are_found().await;
        world
    }

    pub(crate) async fn load(&self, kinds: Kinds) -> Load {
        Load::start(&self.stack.gateway_url(), &self.member, &self.item, kinds).await
    }

    pub(crate) fn pid(&self, part: &str) -> u32 {
        self.stack.part(part).unwrap().pid.expect("it runs")
    }

    pub(crate) async fn do_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Stack) -> T + Send + 'static,
    ) -> T {
        blocking(&self.stack, work).await
    }

    /// The instances of all services but config-server, and the gateways.
    pub(crate) fn all_instances(&self) -> Vec<String> {
        let is_instance = |name: &String| COUNTS.iter().any(|(app, _)| name.starts_with(app));
        self.stack.parts().into_iter().map(|part| part.name).filter(is_instance).collect()
    }

    /// Waits until each gateway is connected to all, and Consul lists every instance.
    async fn wait_until_all_are_found(&self) {
        let found = async || self.do_blocking(Stack::is_connected).await;
        until("all instances are healthy", PATIENCE, found).await;
    }
}
