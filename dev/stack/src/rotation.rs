//! Replaces the key with which a service signs its tokens, while everything runs.
//!
//! A token is refused by who does not know its key. So both keys are accepted before the service signs with the new one, and
//! until the last token of the old one has expired. After each step, every process must have said to config-server that it runs the
//! new settings; if one refuses them, the rotation stops, and nothing is refused that was accepted before. A rotation that was
//! stopped goes on with the same new key when it is called again.

use std::fs::{self, File, TryLockError};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::error::StackError;
use crate::home::Home;
use crate::interrupt::Interrupt;
use crate::overlay::{self, Override};
use crate::secrets::Secrets;
use crate::services::{CONFIG_SERVER, SERVICES, ServiceKind};

/// How long all processes together may take to apply new settings.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_secs(10);
/// A process asks for changes more often than this, or it is gone.
const SEEN_S: u64 = 60;
/// A token is valid for a minute, and clocks may differ by seconds.
const TOKENS_EXPIRE: Duration = Duration::from_secs(70);
/// Larger answers are not read.
const ANSWER_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The rotation of one service's key.
#[derive(Debug)]
pub struct ServiceKeyRotation {
    home: Home,
    secrets: Secrets,
    /// The address of config-server.
    config_server: String,
    service: &'static ServiceKind,
}

impl ServiceKeyRotation {
    /// The key of this service in the stack of `home`, whose config-server has this address.
    pub fn new(home: Home, config_server: &str, service: &str) -> Result<Self, StackError> {
        let signs = |kind: &&ServiceKind| kind.name == service && kind.calls_services;
        let service =
            SERVICES.iter().find(signs).ok_or_else(|| StackError::NoServiceKey(service.to_owned()))?;
        let secrets = Secrets::open(&home);
        Ok(Self { home, secrets, config_server: config_server.to_owned(), service })
    }

    /// What [`Self::run`] does, in words.
    pub fn steps(&self) -> Vec<String> {
        let name = self.service.name;
        let goes_on = if self.secrets.has_next_token_key(name) {
            "; a rotation was stopped before its end, so its new key is used"
        } else {
            ""
        };
        vec![
            format!("make a new key of {name}{goes_on}"),
            format!(
                "write both public keys into access.service-keys.{name}, and wait until every process runs with them"
            ),
            format!(
                "write the new key into access.service-signing-key of {name}, and wait until each of its processes signs with it"
            ),
            format!("wait {} s until the last token of the old key has expired", TOKENS_EXPIRE.as_secs()),
            format!(
                "write the new public key alone into access.service-keys.{name}, and wait until every process runs with it"
            ),
        ]
    }

    /// Replaces the key. `say` gets each step when it begins.
    pub fn run(&self, say: &dyn Fn(&str), interrupt: &Interrupt) -> Result<(), StackError> {
        let _alone = self.lock()?;
        let [make, accept, sign, wait, finish] =
            <[String; 5]>::try_from(self.steps()).map_err(|_| StackError::Interrupted)?;
        let name = self.service.name;
        let accepted = format!("access.service-keys.{name}");
        let everybody: Vec<&str> =
            SERVICES.iter().map(|kind| kind.name).filter(|app| *app != CONFIG_SERVER).collect();

        say(&make);
        let old = self.secrets.token_key(name)?;
        let new = self.secrets.next_token_key(name)?;
        say(&accept);
        let both = format!("{},{}", old.public, new.public);
        self.change("application", &accepted, &json!(both))?;
        self.applied(&everybody, &accepted, &both, interrupt)?;
        say(&sign);
        let signing = "access.service-signing-key";
        let sealed = self.secrets.sealing_key()?.seal(&new.private);
        let sealed = sealed.map_err(StackError::secret("sealing the new key"))?.to_string();
        self.change(name, signing, &json!(sealed))?;
        self.applied(&[name], signing, &new.private, interrupt)?;
        // From now on, a start of the stack takes the new key.
        self.secrets.adopt_next_token_key(name)?;
        say(&wait);
        let until = Instant::now() + TOKENS_EXPIRE;
        while Instant::now() < until {
            pause(interrupt)?;
        }
        say(&finish);
        self.change("application", &accepted, &json!(new.public))?;
        self.applied(&everybody, &accepted, &new.public, interrupt)
    }

    /// There is one rotation at a time.
    fn lock(&self) -> Result<File, StackError> {
        let path = self.home.secrets().join("rotation.lock");
        let open = || File::options().create(true).truncate(false).write(true).open(&path);
        let file = open().map_err(StackError::io(format!("opening {}", path.display())))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StackError::RotationUnderWay),
            Err(TryLockError::Error(source)) => {
                Err(StackError::Io { doing: format!("locking {}", path.display()), source })
            }
        }
    }

    fn change(&self, app: &str, key: &str, value: &Value) -> Result<(), StackError> {
        overlay::change(&self.home, &Override::new(app, key, value.clone()))
    }

    /// Waits until each process of these services runs settings in which the key has this value.
    fn applied(
        &self,
        apps: &[&str],
        key: &str,
        value: &str,
        interrupt: &Interrupt,
    ) -> Result<(), StackError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let Some(missing) = self.missing(apps, key, value)? else { return Ok(()) };
            if Instant::now() > deadline {
                return Err(StackError::NotApplied(missing));
            }
            pause(interrupt)?;
        }
    }

    /// Who does not run them yet, or `None`. An error if somebody has refused them.
    fn missing(&self, apps: &[&str], key: &str, value: &str) -> Result<Option<String>, StackError> {
        let known = self.get("/instances", "operator")?;
        let instances = known["instances"].as_array().map(Vec::as_slice).unwrap_or_default();
        for app in apps {
            let settings = self.get(&format!("/{app}/default"), app)?;
            let mut sources = settings["propertySources"].as_array().into_iter().flatten();
            if sources.find_map(|source| source["source"].get(key)).is_none_or(|found| found != value) {
                return Ok(Some(format!("config-server has not read the new settings of {app} yet")));
            }
            let alive = |instance: &&Value| {
                instance["application"] == *app
                    && instance["seenSecondsAgo"].as_u64().is_some_and(|seconds| seconds <= SEEN_S)
            };
            let mut count = 0;
            for instance in instances.iter().filter(alive) {
                count += 1;
                let name = instance["instance"].as_str().unwrap_or_default();
                if instance["applied"] == settings["version"] {
                    continue;
                }
                if instance["refused"]["version"] == settings["version"] {
                    let problem = instance["refused"]["faults"][0]["problem"].as_str().unwrap_or_default();
                    return Err(StackError::NotApplied(format!("{name} refuses the settings: {problem}")));
                }
                return Ok(Some(format!("{name} does not run the new settings yet")));
            }
            if count == 0 {
                return Ok(Some(format!("no process of {app} has asked config-server for changes")));
            }
        }
        Ok(None)
    }

    fn get(&self, path: &str, user: &str) -> Result<Value, StackError> {
        let url = format!("{}{path}", self.config_server.trim_end_matches('/'));
        let login = BASE64.encode(format!("{user}:{}", self.secrets.config_password(user)?));
        let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).build().into();
        let mut answer = agent
            .get(&url)
            .header("authorization", format!("Basic {login}"))
            .call()
            .map_err(StackError::asking(&url))?;
        answer.body_mut().with_config().limit(ANSWER_MAX_BYTES).read_json().map_err(StackError::asking(&url))
    }
}

fn pause(interrupt: &Interrupt) -> Result<(), StackError> {
    if interrupt.is_raised() {
        return Err(StackError::Interrupted);
    }
    thread::sleep(POLL);
    Ok(())
}

impl Secrets {
    /// The key that is to follow that of `signer`. It is made once, and stays until it has taken the place of the present one.
    fn next_token_key(&self, signer: &str) -> Result<crate::secrets::TokenKey, StackError> {
        self.token_key(&next(signer))
    }

    fn has_next_token_key(&self, signer: &str) -> bool {
        self.token_key_file(&next(signer)).exists()
    }

    fn adopt_next_token_key(&self, signer: &str) -> Result<(), StackError> {
        let (from, to): (PathBuf, PathBuf) =
            (self.token_key_file(&next(signer)), self.token_key_file(signer));
        fs::rename(&from, &to).map_err(StackError::io(format!("replacing {}", to.display())))
    }
}

fn next(signer: &str) -> String {
    format!("{signer}.next")
}
