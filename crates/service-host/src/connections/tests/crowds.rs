//! More connections than there may be.

use super::*;

#[tokio::test]
async fn connections_that_wait_give_way_to_others_and_those_with_a_request_do_not() {
    let (router, begun, _) = endless();
    let router = router.route("/hello", get(async || "hello"));
    let server = Server::of(Limits { connections: 4, ..LIMITS }, router).await;
    let mut busy = server.connect().await;
    busy.write_all(GET).await.unwrap();
    begun.acquire().await.unwrap().forget();
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        answer(&mut stream).await;
        waiting.push(stream);
    }
    let mut further = server.connect().await;
    further.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    answer(&mut further).await;
    let mut open = waiting.split_off(1);
    assert_eq!(rest(waiting.remove(0)).await, "", "the one that has waited longest is closed");
    for stream in &mut open {
        stream.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        answer(stream).await;
    }
    timeout(SHORT, busy.read_u8()).await.expect_err("the request goes on");
}

#[tokio::test]
async fn silent_connections_and_unfinished_heads_keep_nobody_out() {
    let server = Server::start(Limits { connections: 8, ..LIMITS }).await;
    let mut open = Vec::new();
    for number in 0..40 {
        let mut stream = server.connect().await;
        if number % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").await.unwrap();
        }
        open.push(stream);
    }
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(rest(stream).await.contains("hello"));
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_while_all_have_requests() {
    let (router, begun, dropped) = endless();
    let router = router.route("/hello", get(async || "hello"));
    let server = Server::of(Limits { connections: 1, ..LIMITS }, router).await;
    let mut first = server.connect().await;
    first.write_all(GET).await.unwrap();
    begun.acquire().await.unwrap().forget();
    let mut second = server.connect().await;
    second.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    timeout(SHORT, second.read_u8()).await.expect_err("there is no room");
    first.set_zero_linger().unwrap();
    drop(first);
    dropped.acquire().await.unwrap().forget();
    assert!(rest(second).await.contains("hello"));
}

#[tokio::test]
async fn an_address_with_many_connections_does_not_take_those_of_others() {
    let (router, begun, _) = endless();
    let router = router.route("/hello", get(async || "hello"));
    let limits = Limits { connections: 100, connections_per_address: Some(3), ..LIMITS };
    let server = Server::of(limits, router).await;
    let mut busy = Vec::new();
    for _ in 0..3 {
        let mut stream = server.connect().await;
        stream.write_all(GET).await.unwrap();
        begun.acquire().await.unwrap().forget();
        busy.push(stream);
    }
    assert_eq!(rest(server.connect().await).await, "", "the address has too many");
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(server.address).await.unwrap();
    other.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    answer(&mut other).await;
}
