//! The settings that a table is made of, all of one version.

use std::sync::Arc;

use redis_connection::RedisSettings;
use service_host::Live;
use service_host::live::{self, Commit, Unusable, Upcoming};

use super::{
    CompressionSettings, CorsSettings, LimitsSettings, PublicSettings, RouteSettings, Settings,
    UpstreamSettings,
};

/// See the module. The fields are documented at [`Settings`].
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "`Settings` has the same fields")]
pub struct TableSettings {
    pub services: Vec<String>,
    pub routes: Vec<RouteSettings>,
    pub upstream: UpstreamSettings,
    pub cors: CorsSettings,
    pub public: PublicSettings,
    pub limits: LimitsSettings,
    pub compression: CompressionSettings,
    pub redis: Option<RedisSettings>,
}

impl Settings {
    /// Those of this moment.
    pub fn of_table(&self) -> TableSettings {
        live::together(|| self.of_table_at(None))
    }

    /// Those that are about to take effect, or those of this moment.
    fn of_table_at(&self, upcoming: Option<&Upcoming>) -> TableSettings {
        fn read<T: Clone + Send + Sync + 'static>(cell: &Live<T>, upcoming: Option<&Upcoming>) -> T {
            let value = upcoming.map_or_else(|| cell.get(), |upcoming| upcoming.of(cell));
            Arc::unwrap_or_clone(value)
        }
        TableSettings {
            services: read(&self.services, upcoming).0,
            routes: read(&self.routes, upcoming).0,
            upstream: read(&self.upstream, upcoming),
            cors: read(&self.cors, upcoming),
            public: read(&self.public, upcoming),
            limits: read(&self.limits, upcoming),
            compression: read(&self.compression, upcoming),
            redis: self.redis.clone(),
        }
    }

    /// Calls `prepare` for each change of what a table is made of, before it takes effect.
    pub(crate) fn prepare_table_with<F, R>(&self, prepare: F)
    where
        F: Fn(TableSettings) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Commit, Unusable>> + Send + 'static,
    {
        let Self { services, routes, upstream, cors, public, limits, compression, .. } = self;
        let settings = self.clone();
        live::prepare_together(
            &[services, routes, upstream, cors, public, limits, compression],
            move |upcoming| prepare(settings.of_table_at(Some(&upcoming))),
        );
    }
}
