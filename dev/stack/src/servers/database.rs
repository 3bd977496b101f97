//! MariaDB, or MySQL.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::unistd::{User, geteuid};

use crate::accounts;
use crate::error::StackError;
use crate::home::{Home, Purpose};
use crate::log_tail::LogTail;
use crate::parts::PartPlan;
use crate::probe::Probe;
use crate::progress::Progress;
use crate::secrets::{Secrets, write_private};
use crate::tools::{Program, on_path};

const PART: &str = "mariadb";
/// Long enough for a recovery after a kill, on a slow disk.
const PATIENCE: Duration = Duration::from_secs(90);
/// The path of a socket must fit into 108 bytes with a zero at its end.
const SOCKET_PATH_BYTES: usize = 107;

/// How the server is started. Creates its system tables if they are missing.
pub(super) fn plan(
    program: &Program,
    port: u16,
    home: &Home,
    secrets: &Secrets,
    progress: &dyn Progress,
) -> Result<PartPlan, StackError> {
    let data = home.data().join(PART);
    let options = base_options(program, home)?;
    if !data.exists() {
        progress.begin(PART, "initialising its data");
        initialise(program, &options, &data, home)?;
    }
    let init_file = home.secrets().join("database-init.sql");
    let init_sql = accounts::init_sql(secrets, home.purpose(), program.version.is_mariadb())?;
    write_private(&init_file, &init_sql)
        .map_err(StackError::io(format!("writing {}", init_file.display())))?;

    let mut launch = program
        .launch(PART)
        .args(options)
        .arg(option("datadir", &data))
        .arg(option("init-file", &init_file))
        .arg(option("socket", &socket_path(home)))
        .args(["--bind-address=127.0.0.1", &format!("--port={port}"), "--skip-name-resolve"])
        .args(["--skip-log-bin", "--max-connections=500"]);
    launch = match home.purpose() {
        Purpose::Lasting => {
            launch.args(["--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=256M"])
        }
        // Memory for ten million order lines, and the durability of operation.
        Purpose::Measured => {
            launch.args(["--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=2G"])
        }
        // Its data need not survive a power cut, and a file system in memory has no asynchronous I/O.
        Purpose::Throwaway => launch.args([
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-use-native-aio=0",
            "--innodb-buffer-pool-size=256M",
        ]),
    };
    if !program.version.is_mariadb() {
        // No second port, and no folder for files outside.
        launch = launch.args(["--mysqlx=OFF", "--secure-file-priv=NULL"]);
    }
    Ok(PartPlan {
        launch,
        probe: Probe::DatabaseGreets(port),
        address: format!("127.0.0.1:{port}, {}", program.version),
        patience: PATIENCE,
        exit_code: 0,
    })
}

/// Creates the system tables in a folder that gets its name when it is complete.
fn initialise(program: &Program, options: &[OsString], data: &Path, home: &Home) -> Result<(), StackError> {
    let unfinished = data.with_extension("unfinished");
    match fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => removed.map_err(StackError::io(format!("removing {}", unfinished.display())))?,
    }
    let (mut command, own_options) = initialiser(program);
    // `--no-defaults` must be the first option.
    command.args(options).args(own_options).arg(option("datadir", &unfinished));
    command.envs(program.env.iter().cloned());

    let log_path = home.log("mariadb-initialise");
    let log = File::create(&log_path).map_err(StackError::io(format!("opening {}", log_path.display())))?;
    let errors = log.try_clone().map_err(StackError::io("sharing a log"))?;
    let status = command.stdin(Stdio::null()).stdout(log).stderr(errors).status().map_err(|source| {
        StackError::Spawn { part: PART.to_owned(), program: command.get_program().into(), source }
    })?;
    if !status.success() {
        return Err(StackError::Initialise { status, log: LogTail::of(&log_path) });
    }
    fs::rename(&unfinished, data).map_err(StackError::io(format!("making {}", data.display())))
}

/// The program that creates the system tables, with options that only it understands.
fn initialiser(program: &Program) -> (Command, Vec<String>) {
    const NAMES: [&str; 2] = ["mariadb-install-db", "mysql_install_db"];
    if !program.version.is_mariadb() {
        // Root has no password until the server reads the init file, which every start does.
        let mut command = Command::new(&program.path);
        command.args(&program.args);
        return (command, vec!["--initialize-insecure".to_owned()]);
    }
    let initialiser = match &program.unpacked {
        Some(tree) => tree.join("usr/bin").join(NAMES[0]),
        None => NAMES.iter().find_map(|name| on_path(name)).unwrap_or_else(|| PathBuf::from(NAMES[0])),
    };
    // Root can connect only by the socket, as the operating system's user of the same name.
    let user = User::from_uid(geteuid()).ok().flatten().map_or_else(|| "root".to_owned(), |user| user.name);
    let options = [
        "--auth-root-authentication-method=socket",
        &format!("--auth-root-socket-user={user}"),
        "--skip-test-db",
        "--skip-name-resolve",
        // The accounts are of 127.0.0.1: the name of the machine need not be resolvable.
        "--force",
    ];
    (Command::new(initialiser), options.map(str::to_owned).into())
}

/// The options of every run: no configuration of the machine, and a folder of its own for temporary tables, whose names are
/// not unique among servers.
fn base_options(program: &Program, home: &Home) -> Result<Vec<OsString>, StackError> {
    let temporary = home.data().join("mariadb-tmp");
    fs::create_dir_all(&temporary).map_err(StackError::io(format!("making {}", temporary.display())))?;
    let mut options = vec!["--no-defaults".into(), option("tmpdir", &temporary)];
    if let Some(tree) = &program.unpacked {
        options.push(option("basedir", &tree.join("usr")));
    }
    if geteuid().is_root() {
        options.push("--user=root".into());
    }
    Ok(options)
}

fn option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(format!("--{name}="));
    option.push(path);
    option
}

/// In the folder of the stack, or in a shorter one if that path is too long.
fn socket_path(home: &Home) -> PathBuf {
    let own = home.run().join("mariadb.sock");
    if own.as_os_str().len() <= SOCKET_PATH_BYTES {
        own
    } else {
        std::env::temp_dir().join(format!("dalkom-mariadb-{}.sock", std::process::id()))
    }
}
