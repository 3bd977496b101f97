//! The queue before routes.

use std::sync::Arc;

use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Extension, Router};
use futures::future::join_all;
use hot_key_queue::HotKeyQueue;
use http::StatusCode;
use testkit::Client;
use tokio::sync::Barrier;

use crate::support::{OneAtATime, instance, new_key, patient, soon};

/// One route behind the queue, and one that is not.
fn client(queue: &HotKeyQueue, work: &Arc<OneAtATime>) -> Client {
    async fn change(Extension(work): Extension<Arc<OneAtATime>>) {
        work.work().await;
    }
    let guarded = Router::new().route("/wallets/{id}", post(change));
    let guarded = queue.guard(guarded, |Path(id): Path<String>| id);
    let open = Router::new().route("/wallets/{id}/balance", get(async || "12"));
    Client(guarded.merge(open).layer(Extension(Arc::clone(work))))
}

/// Waits until two requests are here.
async fn meet(barrier: &Barrier) {
    barrier.wait().await;
}

/// Sends two requests at once. Both succeed, and soon.
async fn both_succeed(client: &Client, paths: [&str; 2]) {
    let requests = paths.map(|path| client.post(path).send());
    for answer in soon(join_all(requests)).await {
        let _ = answer.expect(StatusCode::OK);
    }
}

#[tokio::test]
async fn requests_of_one_key_come_one_at_a_time() {
    let (key, work) = (new_key(), Arc::new(OneAtATime::default()));
    let instances = [client(&instance(&patient()), &work), client(&instance(&patient()), &work)];
    let requests = (0..40).map(|n: usize| instances[n % 2].post(&format!("/wallets/{key}")).send());
    for answer in soon(join_all(requests)).await {
        let _ = answer.expect(StatusCode::OK);
    }
    assert_eq!(work.done(), 40);
}

#[tokio::test]
async fn requests_of_other_keys_and_other_routes_do_not_wait() {
    let together = Arc::new(Barrier::new(2));
    let both = together.clone();
    let guarded = Router::new().route("/wallets/{id}", post(async move || meet(&both).await));
    let queue = instance(&patient());
    let client = Client(queue.guard(guarded, |Path(id): Path<String>| id));
    let (one, other) = (format!("/wallets/{}", new_key()), format!("/wallets/{}", new_key()));
    both_succeed(&client, [&one, &other]).await;

    let (key, work) = (new_key(), Arc::new(OneAtATime::default()));
    let client = self::client(&queue, &work);
    let reading = client.get(&format!("/wallets/{key}/balance"));
    let _ = soon(queue.run(&key, reading.send())).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_request_that_the_extractor_of_the_key_refuses_is_refused() {
    let guarded = Router::new().route("/wallets/{id}", post(async || "in"));
    let client = Client(instance(&patient()).guard(guarded, |Path(id): Path<u128>| id));
    let known = format!("/wallets/{}", rand::random::<u128>());
    let _ = soon(client.post(&known).send()).await.expect(StatusCode::OK);
    let _ = soon(client.post("/wallets/seven").send()).await.expect(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_lock_that_is_off_is_no_layer() {
    let (key, together) = (new_key(), Arc::new(Barrier::new(2)));
    let guarded = Router::new().route("/wallets/{id}", post(async move || meet(&together).await));
    let client = Client(HotKeyQueue::off().guard(guarded, |Path(id): Path<String>| id));
    let path = format!("/wallets/{key}");
    both_succeed(&client, [&path, &path]).await;
}
