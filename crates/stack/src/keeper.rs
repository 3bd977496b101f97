//! The one thread that starts every child process.
//!
//! `setpriv --pdeathsig` asks the kernel to signal a child when its parent ends, and by "parent" the kernel means
//! the *thread* that forked it. A child started by a short-lived thread would be killed as soon as that thread is
//! through. This thread ends with the process, and so do the children.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::thread;

struct Order {
    command: Command,
    reply: Sender<io::Result<Child>>,
}

/// Starts a child that lives at most as long as this process.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    static KEEPER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (orders, inbox) = channel();
        thread::Builder::new()
            .name("keeper".to_owned())
            .spawn(move || keep(&inbox))
            .expect("a process that can start servers can start a thread");
        Mutex::new(orders)
    });
    let (reply, answer) = channel();
    keeper
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .send(Order { command, reply })
        .map_err(|_| keeper_is_gone())?;
    answer.recv().map_err(|_| keeper_is_gone())?
}

fn keep(orders: &Receiver<Order>) {
    for mut order in orders {
        // Whoever asked may have gone; its child is then dropped, and the next stack finds it as a leftover.
        drop(order.reply.send(order.command.spawn()));
    }
}

fn keeper_is_gone() -> io::Error {
    io::Error::other("the thread that starts processes is gone")
}
