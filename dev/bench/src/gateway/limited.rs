//! A service that works on some requests at once, and lets the others wait.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// The service of which it is the only instance.
pub(super) const SERVICE: &str = "order-api";
pub(super) const AT_ONCE: usize = 50;
const WORK: Duration = Duration::from_millis(50);

/// Serves the limited service until the process ends. Gives its port.
pub(super) async fn serve() -> anyhow::Result<u16> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let router = Router::new().fallback(async move || {
        let _place = places.acquire().await;
        tokio::time::sleep(WORK).await;
        "{}"
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(port)
}
