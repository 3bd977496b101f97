//! The one thread that starts every child process.
//!
//! `setpriv --pdeathsig` asks the kernel to signal a child when its parent ends. The parent is the *thread* that forked
//! it: a child of a short-lived thread would be killed as soon as that thread ends. This thread ends with the process, and
//! so do the children.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::thread;

struct Request {
    command: Command,
    reply: Sender<io::Result<Child>>,
}

/// Starts a child that lives at most as long as this process.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<Mutex<Sender<Request>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (requests, inbox) = channel();
        thread::Builder::new()
            .name("spawner".to_owned())
            .spawn(move || spawn_all(&inbox))
            .expect("a process that can start servers can start a thread");
        Mutex::new(requests)
    });
    let (reply, answer) = channel();
    spawner
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .send(Request { command, reply })
        .map_err(|_| spawner_is_gone())?;
    answer.recv().map_err(|_| spawner_is_gone())?
}

fn spawn_all(requests: &Receiver<Request>) {
    for mut request in requests {
        // If the caller is gone, its child is dropped, and the next stack finds it as a leftover.
        drop(request.reply.send(request.command.spawn()));
    }
}

fn spawner_is_gone() -> io::Error {
    io::Error::other("the thread that starts processes is gone")
}
