//! The account changes while the process runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use garde::Validate;
use redis_connection::{Password, RedisAccount, RedisAddress, RedisConnection, Timeouts, Username};
use serde::Deserialize;
use serde_json::{Value, json};
use settings::live::{self, LiveCells};
use settings::{Environment, Live, SettingsError, Tree};
use testkit::FaultProxy;

use crate::support::{direct, get, new_key, proxy, server, set, soon};

const PATIENT: Timeouts = Timeouts { connect: Duration::from_secs(20), response: Duration::from_secs(20) };

/// The section `redis` of a service, as far as it is needed here.
#[derive(Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Section {
    #[garde(dive)]
    #[serde(default)]
    username: Live<Option<Username>>,
    #[garde(dive)]
    #[serde(default)]
    password: Live<Option<Password>>,
}

/// The settings of a running process.
struct Running {
    account: RedisAccount,
    cells: LiveCells,
}

fn read(source: &Value) -> (RedisAccount, LiveCells) {
    let environment: Environment = serde_json::from_value(json!({
        "name": "shop", "profiles": ["default"], "propertySources": [{"name": "x", "source": source}]
    }))
    .unwrap();
    let tree = Tree::from_environment(&environment).unwrap();
    let (section, cells) = live::collect(|| tree.finish::<Section>().unwrap());
    (RedisAccount { username: section.username, password: section.password }, cells)
}

fn account(name: &str, password: &str) -> Value {
    json!({"username": name, "password": password})
}

impl Running {
    fn with(source: &Value) -> Self {
        let (account, cells) = read(source);
        Self { account, cells }
    }

    /// A new version of the settings, as the process takes it.
    async fn change(&self, source: &Value) -> Result<(), SettingsError> {
        let (_, cells) = read(source);
        let changed = ["username".to_owned(), "password".to_owned()];
        self.cells.prepare(&cells, &changed).await?.commit();
        Ok(())
    }
}

async fn acl(arguments: &[&str]) {
    let mut command = redis::cmd("ACL");
    command.arg(arguments);
    command.query_async::<redis::Value>(&mut direct().await).await.unwrap();
}

/// An account that may do everything.
async fn make(name: &str, password: &str) {
    acl(&["SETUSER", name, "on", "~*", "&*", "+@all", &format!(">{password}")]).await;
}

fn connect(url: &str, running: &Running) -> RedisConnection {
    let address = RedisAddress { url, ca_file: None };
    let redis = RedisConnection::with_account(&address, PATIENT, &running.account).unwrap();
    redis.refuse_wrong_accounts();
    redis
}

fn url(proxy: &FaultProxy) -> String {
    format!("redis://{}", proxy.address())
}

async fn whoami(redis: &RedisConnection) -> redis::RedisResult<String> {
    redis::cmd("ACL").arg("WHOAMI").query_async(&mut redis.clone()).await
}

#[tokio::test]
async fn an_open_connection_goes_on_with_the_new_account_and_no_command_fails() {
    let (old, new, proxy) = (new_key(), new_key(), proxy());
    make(&old, "first").await;
    make(&new, "second").await;
    let running = Running::with(&account(&old, "first"));
    let redis = connect(&url(&proxy), &running);
    assert_eq!(soon(whoami(&redis)).await.unwrap(), old);
    let (done, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..8)
        .map(|_| {
            let (redis, done, sent) = (redis.clone(), Arc::clone(&done), Arc::clone(&sent));
            tokio::spawn(async move {
                let key = new_key();
                while !done.load(Ordering::SeqCst) {
                    set(&redis, &key, "1").await.unwrap();
                    sent.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let more = async |count: usize| {
        let begin = sent.load(Ordering::SeqCst);
        while sent.load(Ordering::SeqCst) < begin + count {
            tokio::task::yield_now().await;
        }
    };
    soon(more(100)).await;

    running.change(&account(&new, "second")).await.unwrap();
    soon(async { while whoami(&redis).await.unwrap() != new {} }).await;
    // Redis ends all connections of an account that is removed.
    acl(&["DELUSER", &old]).await;
    soon(more(100)).await;

    done.store(true, Ordering::SeqCst);
    for task in load {
        task.await.unwrap();
    }
    // One for the commands, and one that tried the new account.
    assert_eq!(proxy.connections(), 2);
    acl(&["DELUSER", &new]).await;
}

#[tokio::test]
async fn two_passwords_of_one_account_take_turns() {
    let (name, proxy) = (new_key(), proxy());
    make(&name, "first").await;
    let running = Running::with(&account(&name, "first"));
    let redis = connect(&url(&proxy), &running);
    soon(set(&redis, &name, "1")).await.unwrap();

    acl(&["SETUSER", &name, ">second"]).await;
    running.change(&account(&name, "second")).await.unwrap();
    acl(&["SETUSER", &name, "<first"]).await;
    proxy.cut();
    // What was lost with the cut is not asked again by itself.
    soon(async { while get(&redis, &name).await.is_err() {} }).await;
    assert_eq!(soon(whoami(&redis)).await.unwrap(), name);
    acl(&["DELUSER", &name]).await;
}

#[tokio::test]
async fn an_account_that_redis_does_not_let_in_is_refused_and_the_old_one_stays() {
    let name = new_key();
    make(&name, "right").await;
    let running = Running::with(&account(&name, "right"));
    let redis = connect(&format!("redis://{}", server()), &running);
    soon(set(&redis, &name, "1")).await.unwrap();

    for wrong in [account(&name, "wrong"), account("nobody", "right")] {
        let refused = running.change(&wrong).await.unwrap_err();
        assert!(refused.to_string().contains("Redis does not let this account in"), "{refused}");
        assert_eq!(soon(whoami(&redis)).await.unwrap(), name);
    }
    acl(&["DELUSER", &name]).await;
}

#[tokio::test]
async fn a_redis_that_is_away_refuses_no_account_and_the_next_connection_has_the_new_one() {
    let (old, new, proxy) = (new_key(), new_key(), proxy());
    make(&old, "first").await;
    make(&new, "second").await;
    let running = Running::with(&account(&old, "first"));
    let redis = connect(&url(&proxy), &running);
    soon(set(&redis, &old, "1")).await.unwrap();

    proxy.refuse();
    proxy.cut();
    running.change(&account(&new, "second")).await.unwrap();
    proxy.restore();

    soon(async { while whoami(&redis).await.is_err() {} }).await;
    assert_eq!(soon(whoami(&redis)).await.unwrap(), new);
    acl(&["DELUSER", &old, &new]).await;
}

#[tokio::test]
async fn a_connection_that_stands_still_does_not_keep_the_old_account() {
    let (old, new, proxy) = (new_key(), new_key(), proxy());
    make(&old, "first").await;
    make(&new, "second").await;
    let running = Running::with(&account(&old, "first"));
    let address = RedisAddress { url: &url(&proxy), ca_file: None };
    let short = Timeouts { connect: Duration::from_millis(200), response: Duration::from_millis(200) };
    let redis = RedisConnection::with_account(&address, short, &running.account).unwrap();
    soon(async { while whoami(&redis).await.is_err() {} }).await;

    proxy.stall();
    running.change(&account(&new, "second")).await.unwrap();
    soon(whoami(&redis)).await.unwrap_err();
    proxy.restore();

    soon(async { while whoami(&redis).await.ok().as_deref() != Some(&new) {} }).await;
    acl(&["DELUSER", &old, &new]).await;
}

#[tokio::test]
async fn the_account_of_the_settings_wins_over_that_of_the_address() {
    let name = new_key();
    make(&name, "right").await;
    let running = Running::with(&account(&name, "right"));
    let redis = connect(&format!("redis://nobody:wrong@{}", server()), &running);
    assert_eq!(soon(whoami(&redis)).await.unwrap(), name);

    // A password alone is that of the account in the address.
    let running = Running::with(&json!({"password": "right"}));
    let redis = connect(&format!("redis://{name}@{}", server()), &running);
    assert_eq!(soon(whoami(&redis)).await.unwrap(), name);
    acl(&["DELUSER", &name]).await;
}
