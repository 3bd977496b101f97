//! Commands of other processes for the process that holds a stack: it is the parent of all parts, so only it can replace them.
//!
//! It listens on a Unix socket in a folder that only its user can open. A client sends one line of JSON, and gets lines until
//! the command is done. A command goes on when its client has gone.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::StackError;
use crate::home::Home;
use crate::interrupt::Interrupt;
use crate::log_tail::LogTail;
use crate::roll::Roll;
use crate::stack::Stack;

const POLL: Duration = Duration::from_millis(20);
/// A client sends its line at once, and reads what it gets.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);
const LONGEST_LINE: u64 = 64 * 1024;
/// More clients than that have nothing to do here: there is one roll at a time.
const CLIENTS: usize = 8;
/// The path of a socket must fit into 108 bytes with a zero at its end.
const PATH_BYTES: usize = 107;

/// What a client wants.
#[derive(Debug, Serialize, Deserialize)]
enum Command {
    Roll(Roll),
}

/// What a client gets.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Said(String),
    Done,
    Failed { text: String, went_back: bool, log: Option<LogTail> },
}

/// The open socket. It is removed when this is dropped.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Opens the socket of a stack.
    pub fn open(stack: &Stack) -> Result<Self, StackError> {
        let path = path(stack.servers().home());
        let open = || {
            if let Some(folder) = path.parent() {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            // One that is there belongs to a process that was killed: the lock of the stack is ours.
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(&path)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let listener = open().map_err(StackError::io(format!("listening on {}", path.display())))?;
        Ok(Self { listener, path })
    }

    /// Obeys until `over` is raised.
    pub fn obey(&self, stack: &Stack, over: &Interrupt) {
        let clients = AtomicUsize::new(0);
        thread::scope(|scope| {
            while !over.is_raised() {
                match self.listener.accept() {
                    Ok((client, _)) if clients.load(Ordering::Relaxed) < CLIENTS => {
                        clients.fetch_add(1, Ordering::Relaxed);
                        let clients = &clients;
                        scope.spawn(move || {
                            // An error means that the client has gone.
                            let _ = obey(&client, stack);
                            clients.fetch_sub(1, Ordering::Relaxed);
                        });
                    }
                    Ok(_) => {}
                    // There is nobody, or there are too many open files.
                    Err(_) => thread::sleep(POLL),
                }
            }
        });
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // The next one removes it otherwise.
        drop(fs::remove_file(&self.path));
    }
}

fn obey(client: &UnixStream, stack: &Stack) -> io::Result<()> {
    client.set_nonblocking(false)?;
    client.set_read_timeout(Some(CLIENT_TIMEOUT))?;
    client.set_write_timeout(Some(CLIENT_TIMEOUT))?;
    let mut line = String::new();
    BufReader::new(client.take(LONGEST_LINE)).read_line(&mut line)?;
    let Command::Roll(roll) = match serde_json::from_str(&line) {
        Ok(command) => command,
        Err(error) => {
            let text = format!("no command of this version: {error}");
            return send(client, &Answer::Failed { text, went_back: false, log: None });
        }
    };
    // A client that has gone, or does not read, gets nothing more.
    let reader = Mutex::new(Some(client));
    let say = |answer: &Answer| {
        let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
        if reader.is_some_and(|client| send(client, answer).is_err()) {
            *reader = None;
        }
    };
    let outcome = stack.roll(&roll, &|text| say(&Answer::Said(text.to_owned())));
    say(&match outcome {
        Ok(()) => Answer::Done,
        Err(error) => Answer::Failed {
            text: with_causes(&error),
            went_back: matches!(error, StackError::WentBack { .. }),
            log: error.log().cloned(),
        },
    });
    Ok(())
}

fn send(mut client: &UnixStream, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_string(answer)?;
    line.push('\n');
    client.write_all(line.as_bytes())
}

fn with_causes(error: &StackError) -> String {
    let first = error as &dyn std::error::Error;
    let causes = std::iter::successors(Some(first), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Has the process that holds a stack replace instances. `said` gets what it does.
pub fn roll(home: &Home, roll: Roll, said: &dyn Fn(&str)) -> Result<(), StackError> {
    let path = path(home);
    let broken = || StackError::io("talking to the process of the stack");
    let client = UnixStream::connect(&path).map_err(StackError::io(format!("opening {}", path.display())))?;
    let mut command =
        serde_json::to_string(&Command::Roll(roll)).map_err(io::Error::other).map_err(broken())?;
    command.push('\n');
    (&client).write_all(command.as_bytes()).map_err(broken())?;
    for line in BufReader::new(client).lines() {
        let answer =
            serde_json::from_str(&line.map_err(broken())?).map_err(io::Error::other).map_err(broken())?;
        match answer {
            Answer::Said(text) => said(&text),
            Answer::Done => return Ok(()),
            Answer::Failed { text, went_back, log } => {
                return Err(StackError::Refused { text, went_back, log });
            }
        }
    }
    let ended = "the stack was stopped before the roll was done".to_owned();
    Err(StackError::Refused { text: ended, went_back: false, log: None })
}

fn path(home: &Home) -> PathBuf {
    let own = home.run().join("control/socket");
    if own.as_os_str().len() <= PATH_BYTES { own } else { short_path(home.run().as_path()) }
}

/// A path for a stack whose own folder has too long a name. Its folder belongs to one user, as in [`crate::ports`].
fn short_path(run: &Path) -> PathBuf {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    run.hash(&mut hasher);
    let folder = std::env::temp_dir().join(format!("dalkom-control-{}", nix::unistd::getuid()));
    folder.join(format!("{:016x}", hasher.finish()))
}
