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
/// Recovery after a hard stop, on a slow disk.
const PATIENCE: Duration = Duration::from_secs(90);
/// A socket's path must fit into 108 bytes, with the zero at its end.
const SOCKET_PATH_BYTES: usize = 107;

/// Makes the server's own tables where they are missing, and the plan to start it.
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
        // As much memory as ten million order lines deserve, and no durability less than in operation.
        Purpose::Measured => {
            launch.args(["--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=2G"])
        }
        // Nothing of it is to survive a power cut, and memory has no asynchronous input and output.
        Purpose::Throwaway => launch.args([
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-use-native-aio=0",
            "--innodb-buffer-pool-size=256M",
        ]),
    };
    if !program.version.is_mariadb() {
        // No second port, and no folder of the machine's for files.
        launch = launch.args(["--mysqlx=OFF", "--secure-file-priv=NULL"]);
    }
    Ok(PartPlan {
        launch,
        probe: Probe::DatabaseGreets(port),
        place: format!("127.0.0.1:{port}, {}", program.version),
        patience: PATIENCE,
        exit_code: 0,
    })
}

/// Makes the server's own tables in a folder that gets its name when it is complete.
fn initialise(program: &Program, options: &[OsString], data: &Path, home: &Home) -> Result<(), StackError> {
    let unfinished = data.with_extension("unfinished");
    match fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => removed.map_err(StackError::io(format!("removing {}", unfinished.display())))?,
    }
    let (mut command, own_options) = initialiser(program);
    // `--no-defaults` is the first of the options, or it is none.
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

/// The program that makes a server's own tables, with what it alone is to be told.
fn initialiser(program: &Program) -> (Command, Vec<String>) {
    const NAMES: [&str; 2] = ["mariadb-install-db", "mysql_install_db"];
    if !program.version.is_mariadb() {
        // Root has no password until the server is started with the init file, which it never is without.
        let mut command = Command::new(&program.path);
        command.args(&program.args);
        return (command, vec!["--initialize-insecure".to_owned()]);
    }
    let initialiser = match &program.unpacked {
        Some(tree) => tree.join("usr/bin").join(NAMES[0]),
        None => NAMES.iter().find_map(|name| on_path(name)).unwrap_or_else(|| PathBuf::from(NAMES[0])),
    };
    // Root opens by the socket alone, and to the operating system's user of the same name.
    let user = User::from_uid(geteuid()).ok().flatten().map_or_else(|| "root".to_owned(), |user| user.name);
    let options = [
        "--auth-root-authentication-method=socket",
        &format!("--auth-root-socket-user={user}"),
        "--skip-test-db",
        "--skip-name-resolve",
        // Whether the machine's own name can be looked up does not matter to accounts of 127.0.0.1.
        "--force",
    ];
    (Command::new(initialiser), options.map(str::to_owned).into())
}

/// What every run of the server needs: nothing of the machine's own configuration, and temporary tables where no other
/// server has any, as their names are not unique.
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

/// In the stack's own folder, or in a short one where that is too deep.
fn socket_path(home: &Home) -> PathBuf {
    let own = home.run().join("mariadb.sock");
    if own.as_os_str().len() <= SOCKET_PATH_BYTES {
        own
    } else {
        std::env::temp_dir().join(format!("dalkom-mariadb-{}.sock", std::process::id()))
    }
}
