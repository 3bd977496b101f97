//! The state that the routes share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use crate::access::{Caller, Credentials, Ownership};
use crate::environment::{Environment, EnvironmentError, Environments, PlainFile, Query};
use crate::instances::Instances;
use crate::names::Name;
use crate::waiting::Waiting;

/// The server: the settings that it serves, and the applications that may read them.
#[derive(Debug)]
pub struct ConfigServer {
    pub(crate) environments: Environments,
    pub(crate) waiting: Waiting,
    pub(crate) instances: Instances,
    access: ArcSwap<Access>,
}

/// Who has which password, and which files belong to whom. Both change together.
#[derive(Debug)]
struct Access {
    credentials: Credentials,
    ownership: Ownership,
}

/// The settings belong to another application.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotYours;

impl ConfigServer {
    /// Serves these environments to the applications with these passwords.
    pub fn new(environments: Environments, credentials: Credentials) -> Self {
        let access = ArcSwap::from_pointee(Access::new(&environments, credentials));
        let waiting = Waiting::new(CancellationToken::new());
        Self { environments, waiting, instances: Instances::default(), access }
    }

    /// Takes other passwords from now on.
    pub(crate) fn replace_credentials(&self, credentials: Credentials) {
        self.access.store(Arc::new(Access::new(&self.environments, credentials)));
    }

    /// Who has this name and password.
    pub(crate) fn authenticate(&self, user: &str, password: &str) -> Option<Caller> {
        self.access.load().credentials.authenticate(user, password)
    }

    /// The same server, which answers all callers that wait as soon as it drains.
    #[must_use]
    pub fn until(self, drain: CancellationToken) -> Self {
        Self { waiting: Waiting::new(drain), ..self }
    }

    /// Whether an application may ask for these settings: it is one of those that the query names, and the others have no
    /// password of their own. Which files are read for it is decided file by file.
    pub(crate) fn authorize(&self, caller: &Name, query: &Query) -> Result<(), NotYours> {
        let names = query.applications.names();
        let is_own = |name: &String| name == caller.as_str();
        let access = self.access.load();
        let is_foreign = |name: &String| !is_own(name) && access.ownership.is_application(name);
        if names.iter().any(is_own) && !names.iter().any(is_foreign) { Ok(()) } else { Err(NotYours) }
    }

    /// The settings of the query.
    pub(crate) fn environment(&self, query: &Query) -> Result<Environment, EnvironmentError> {
        self.environments.find(query, &self.access.load().ownership)
    }

    /// A plain file.
    pub(crate) fn file(&self, query: &Query, path: &str) -> Result<Option<PlainFile>, EnvironmentError> {
        self.environments.file(query, path, &self.access.load().ownership)
    }
}

impl Access {
    fn new(environments: &Environments, credentials: Credentials) -> Self {
        let ownership = environments.ownership(credentials.applications());
        Self { credentials, ownership }
    }
}
