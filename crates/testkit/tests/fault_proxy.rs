//! The proxy makes the faults that it is told to, and nothing is left of it.

#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

use std::io::{self, ErrorKind};
use std::time::Duration;

use testkit::FaultProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Longer than anything here takes: what never comes about fails its test.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that answers each byte with the next one, and says what it has heard when a client hangs up.
async fn server() -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heard = tokio::spawn(async move {
        let mut heard = Vec::new();
        let (mut client, _) = listener.accept().await.unwrap();
        while let Ok(byte) = client.read_u8().await {
            heard.push(byte);
            if client.write_u8(byte + 1).await.is_err() {
                break;
            }
        }
        heard
    });
    (address, heard)
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it does not come about")
}

async fn ask(client: &mut TcpStream, byte: u8) -> io::Result<u8> {
    soon(async {
        client.write_u8(byte).await?;
        client.read_u8().await
    })
    .await
}

#[tokio::test]
async fn it_forwards_and_passes_the_end_on() {
    let (address, heard) = server().await;
    let proxy = FaultProxy::to(&address);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut client, 1).await.unwrap(), 2);
    drop(client);
    assert_eq!(soon(heard).await.unwrap(), [1]);
    assert_eq!((proxy.connections(), proxy.held()), (1, 0));
}

#[tokio::test]
async fn it_delays_both_directions() {
    let (address, _heard) = server().await;
    let proxy = FaultProxy::to(&address);
    let delay = Duration::from_millis(20);
    proxy.delay(delay..=delay);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let began = Instant::now();
    ask(&mut client, 1).await.unwrap();
    assert!(began.elapsed() >= 2 * delay);
}

#[tokio::test]
async fn it_passes_on_in_pieces() {
    let (address, _heard) = server().await;
    let proxy = FaultProxy::to(&address);
    let delay = Duration::from_millis(20);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut client, 1).await.unwrap(), 2);
    proxy.split(3);
    proxy.delay(delay..=delay);
    // The present read still takes as much as there is.
    assert_eq!(ask(&mut client, 1).await.unwrap(), 2);
    let began = Instant::now();
    client.write_all(b"1234567").await.unwrap();
    let mut answer = [0; 7];
    soon(client.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"2345678");
    assert!(began.elapsed() >= 3 * delay, "each of three pieces is delayed");
}

#[tokio::test]
async fn a_stall_keeps_everything_until_it_is_over() {
    let (address, _heard) = server().await;
    let proxy = FaultProxy::to(&address);
    proxy.stall();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    client.write_u8(1).await.unwrap();
    soon(proxy.wait_held(1)).await;
    assert_eq!(client.try_read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    proxy.restore();
    assert_eq!(soon(client.read_u8()).await.unwrap(), 2);
}

#[tokio::test]
async fn where_answers_stall_the_server_has_heard() {
    let (address, heard) = server().await;
    let proxy = FaultProxy::to(&address);
    proxy.stall_answers();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    client.write_u8(1).await.unwrap();
    // Only answers are held: so this one is an answer.
    soon(proxy.wait_held(1)).await;
    assert_eq!(client.try_read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(client);
    assert_eq!(soon(heard).await.unwrap(), [1]);
}

#[tokio::test]
async fn a_cut_ends_all_connections_and_accepts_new_ones() {
    let (address, heard) = server().await;
    let proxy = FaultProxy::to(&address);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut client, 1).await.unwrap(), 2);
    proxy.cut();
    assert!(ask(&mut client, 5).await.is_err());
    assert_eq!(soon(heard).await.unwrap(), [1]);
    let _again = TcpStream::connect(proxy.address()).await.unwrap();
    soon(async {
        while proxy.connections() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn lost_connections_stay_silent_and_new_ones_work() {
    let (address, heard) = server().await;
    let proxy = FaultProxy::to(&address);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut client, 1).await.unwrap(), 2);
    proxy.lose_existing();
    proxy.restore();
    client.write_u8(5).await.unwrap();

    let (other_address, _) = server().await;
    let other = FaultProxy::to(&other_address);
    other.lose_existing();
    let mut new = TcpStream::connect(other.address()).await.unwrap();
    assert_eq!(ask(&mut new, 3).await.unwrap(), 4);
    assert_eq!(client.try_read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    proxy.cut();
    assert_eq!(soon(heard).await.unwrap(), [1]);
}

#[tokio::test]
async fn it_refuses_and_keeps_its_port_meanwhile() {
    let (address, _heard) = server().await;
    let proxy = FaultProxy::to(&address);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut client, 1).await.unwrap(), 2);
    proxy.refuse();
    let refused = async {
        // Until the listener is gone, a new connection is accepted and dropped.
        while let Ok(mut accepted) = TcpStream::connect(proxy.address()).await {
            assert!(!matches!(accepted.read(&mut [0]).await, Ok(1..)));
        }
    };
    soon(refused).await;
    assert_eq!(ask(&mut client, 5).await.unwrap(), 6, "an existing connection stays");
    assert_eq!(proxy.connections(), 1);

    proxy.restore();
    let accepted = async {
        while TcpStream::connect(proxy.address()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(accepted).await;
}

#[tokio::test]
async fn nothing_is_left_of_one_that_is_dropped() {
    let (address, heard) = server().await;
    let proxy = FaultProxy::to(&address);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut client, 1).await.unwrap(), 2);
    let near = proxy.address();
    drop(proxy);
    assert!(!matches!(soon(client.read(&mut [0])).await, Ok(1..)));
    assert_eq!(soon(heard).await.unwrap(), [1]);
    soon(async { while TcpStream::connect(near).await.is_ok() {} }).await;
}
