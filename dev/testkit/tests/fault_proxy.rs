//! The proxy makes the faults that a test asks for, and leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

use std::io::{self, ErrorKind};
use std::time::Duration;

use testkit::{Fault, FaultProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Longer than anything here takes. A test fails when it waits longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that answers each byte with the next one. Its task gives the bytes that it got when the client hangs up.
async fn server() -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let received = tokio::spawn(async move {
        let mut received = Vec::new();
        let (mut client, _) = listener.accept().await.unwrap();
        while let Ok(byte) = client.read_u8().await {
            received.push(byte);
            if client.write_u8(byte + 1).await.is_err() {
                break;
            }
        }
        received
    });
    (address, received)
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it does not happen in time")
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
    let (address, received) = server().await;
    let proxy = FaultProxy::to(&address);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut client, 1).await.unwrap(), 2);
    drop(client);
    assert_eq!(soon(received).await.unwrap(), [1]);
    assert_eq!((proxy.connections(), proxy.held()), (1, 0));
}

#[tokio::test]
async fn it_delays_both_directions() {
    let (address, _received) = server().await;
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
    let (address, _received) = server().await;
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
    let (address, _received) = server().await;
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
async fn while_answers_stall_the_server_gets_requests() {
    let (address, received) = server().await;
    let proxy = FaultProxy::to(&address);
    proxy.stall_answers();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    client.write_u8(1).await.unwrap();
    // Only answers are held: so this one is an answer.
    soon(proxy.wait_held(1)).await;
    assert_eq!(client.try_read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(client);
    assert_eq!(soon(received).await.unwrap(), [1]);
}

#[tokio::test]
async fn a_cut_ends_all_connections_and_accepts_new_ones() {
    let (address, received) = server().await;
    let proxy = FaultProxy::to(&address);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut client, 1).await.unwrap(), 2);
    proxy.cut();
    assert!(ask(&mut client, 5).await.is_err());
    assert_eq!(soon(received).await.unwrap(), [1]);
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
    let (address, received) = server().await;
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
    assert_eq!(soon(received).await.unwrap(), [1]);
}

#[tokio::test]
async fn it_refuses_and_keeps_its_port_meanwhile() {
    let (address, _received) = server().await;
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
async fn a_request_that_is_lost_does_not_reach_the_server() {
    let (address, received) = server().await;
    let proxy = FaultProxy::to(&address);
    proxy.fault_at(2, Fault::LoseRequest);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut client, 1).await.unwrap(), 2);
    assert!(ask(&mut client, 5).await.is_err());
    soon(proxy.wait_for_fault()).await;
    assert_eq!(soon(received).await.unwrap(), [1]);
    assert_eq!((proxy.request_faults(), proxy.cancel_request_faults()), (1, false));
}

#[tokio::test]
async fn a_request_whose_answer_is_lost_reaches_the_server() {
    let (address, received) = server().await;
    let proxy = FaultProxy::to(&address);
    proxy.fault_at(1, Fault::LoseAnswer);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(ask(&mut client, 5).await.is_err());
    assert_eq!(soon(received).await.unwrap(), [5]);
}

#[tokio::test]
async fn what_is_held_arrives_when_the_test_passes_it_on() {
    for fault in [Fault::HoldRequest, Fault::HoldAnswer] {
        let (address, _received) = server().await;
        let proxy = FaultProxy::to(&address);
        proxy.fault_at(1, fault);
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        client.write_u8(5).await.unwrap();
        soon(proxy.wait_for_fault()).await;
        assert_eq!(client.try_read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        proxy.pass_on_held();
        assert_eq!(soon(client.read_u8()).await.unwrap(), 6);
        assert_eq!(ask(&mut client, 6).await.unwrap(), 7);
    }
}

#[tokio::test]
async fn what_is_held_is_lost_when_the_test_says_so() {
    for (fault, expected) in [(Fault::HoldRequest, &[][..]), (Fault::HoldAnswer, &[5][..])] {
        let (address, received) = server().await;
        let proxy = FaultProxy::to(&address);
        proxy.fault_at(1, fault);
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        client.write_u8(5).await.unwrap();
        soon(proxy.wait_for_fault()).await;
        proxy.lose_held();
        assert!(soon(client.read_u8()).await.is_err());
        assert_eq!(soon(received).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_fault_that_is_cancelled_does_not_happen() {
    let (address, _received) = server().await;
    let proxy = FaultProxy::to(&address);
    proxy.fault_at(2, Fault::LoseRequest);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut client, 1).await.unwrap(), 2);
    assert!(proxy.cancel_request_faults());
    assert_eq!(ask(&mut client, 3).await.unwrap(), 4);
}

#[tokio::test]
async fn a_fault_hits_the_http_requests_that_it_names() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = FaultProxy::to(&listener.local_addr().unwrap().to_string());
    proxy.fault_of("POST /transfers", "/void", Fault::LoseRequest, 1);
    proxy.record();
    let send = async |line: &str| {
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(format!("{line} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        soon(server.read(&mut [0; 64])).await.unwrap_or(0) > 0
    };
    for passed_on in ["GET /transfers/7/void", "POST /transfers/7", "POST /wallets/7/void"] {
        assert!(send(passed_on).await, "{passed_on}");
    }
    assert!(!send("POST /transfers/7/void").await);
    assert!(send("POST /transfers/7/void").await, "it is lost once");
    assert_eq!(proxy.sent("POST /transfers/7/void"), 2);
}

#[tokio::test]
async fn nothing_is_left_of_one_that_is_dropped() {
    let (address, received) = server().await;
    let proxy = FaultProxy::to(&address);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut client, 1).await.unwrap(), 2);
    let near = proxy.address();
    drop(proxy);
    assert!(!matches!(soon(client.read(&mut [0])).await, Ok(1..)));
    assert_eq!(soon(received).await.unwrap(), [1]);
    soon(async { while TcpStream::connect(near).await.is_ok() {} }).await;
}

#[tokio::test]
async fn when_all_connections_end_new_ones_are_counted_and_end_at_once() {
    let (server, received) = server().await;
    let proxy = FaultProxy::to(&server);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut client, 1).await.unwrap(), 2);

    proxy.end_all();
    assert!(ask(&mut client, 1).await.is_err());
    let mut another = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(ask(&mut another, 1).await.is_err());
    assert_eq!(proxy.connections(), 2);
    assert_eq!(soon(received).await.unwrap(), [1]);
}
