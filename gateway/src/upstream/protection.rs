//! What protects a service, and its clients from a service that fails. All routes of the service share it.

use std::sync::Arc;

use tokio::time::Instant;

use super::breaker::Breaker;
use super::concurrency::Concurrency;
use super::retry_budget::RetryBudget;
use super::window::Window;
use crate::settings::UpstreamSettings;

/// See the module. Cheap to clone; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Protection {
    pub(super) breaker: Arc<Breaker>,
    pub(super) concurrency: Arc<Concurrency>,
    pub(super) retry_budget: Arc<RetryBudget>,
    window: Arc<Window>,
    began: Instant,
}

impl Protection {
    pub(super) fn new(service: &Arc<str>, settings: &UpstreamSettings) -> Self {
        let (began, window) = (Instant::now(), window_of(settings));
        let UpstreamSettings { breaker, concurrency, retry_budget, .. } = settings;
        let longest_call = settings.first_byte_timeout();
        Self {
            breaker: Breaker::new(service, breaker, Arc::clone(&window), began, longest_call).into(),
            concurrency: Concurrency::new(service, concurrency, began).into(),
            retry_budget: RetryBudget::new(service, retry_budget, Arc::clone(&window), began).into(),
            window,
            began,
        }
    }

    /// The same with other settings. What has the same ones as before stays as it is. Another breaker begins closed.
    pub(super) fn with(&self, service: &Arc<str>, settings: &UpstreamSettings) -> Self {
        let UpstreamSettings { breaker, concurrency, retry_budget, .. } = settings;
        let (began, longest_call) = (self.began, settings.first_byte_timeout());
        let mut new = self.clone();
        let is_same_window = self.window.seconds() == breaker.sliding_window_size_s;
        if !is_same_window {
            new.window = window_of(settings);
        }
        let window = || Arc::clone(&new.window);
        if !is_same_window || !self.breaker.is_of(breaker, longest_call) {
            new.breaker = Breaker::new(service, breaker, window(), began, longest_call).into();
        }
        if !is_same_window || !self.retry_budget.is_of(retry_budget) {
            new.retry_budget = RetryBudget::new(service, retry_budget, window(), began).into();
        }
        if self.concurrency.settings() != concurrency {
            new.concurrency = self.concurrency.with(service, concurrency).into();
        }
        new
    }
}

fn window_of(settings: &UpstreamSettings) -> Arc<Window> {
    Arc::new(Window::new(settings.breaker.sliding_window_size_s))
}
