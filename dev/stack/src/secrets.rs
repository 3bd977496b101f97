//! Keys and passwords. They are generated once and read afterwards. Each is a file in `.dalkom/secrets` that only its
//! owner can read.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use rand::RngExt as _;
use rand::distr::Alphanumeric;
use sealing::{OpeningKey, SealingKey};
use secrecy::ExposeSecret as _;

use crate::error::StackError;
use crate::home::Home;

/// 190 bits. It need not be typed.
const PASSWORD_CHARS: usize = 32;
const SEALING_KEY_NAME: &str = "local";
const OTP_KEY_NAME: &str = "otp";
/// Who seals and opens values over HTTP.
const OPERATOR: &str = "operator";

/// The folder of secrets.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    folder: PathBuf,
}

/// An Ed25519 key for signing tokens.
pub(crate) struct TokenKey {
    /// The private key: PKCS #8 in Base64.
    pub(crate) private: String,
    /// The public key, for those who verify: 32 bytes in Base64.
    pub(crate) public: String,
}

impl Secrets {
    pub(crate) fn open(home: &Home) -> Self {
        Self { folder: home.secrets() }
    }

    /// The secrets in another folder, which there must be.
    pub(crate) fn of_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub(crate) fn database_password(&self, account: &str) -> Result<String, StackError> {
        self.password(&format!("database-{account}.password"))
    }

    /// A token of Consul's access control: of a service, of the agent, or of who manages it.
    pub(crate) fn consul_token(&self, owner: &str) -> Result<String, StackError> {
        self.load_or_generate(&format!("consul-{owner}.token"), || {
            let bytes: [u8; 16] = rand::rng().random();
            let hex = format!("{:032x}", u128::from_be_bytes(bytes));
            // Consul's tokens have the form of a UUID.
            Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
        })
    }

    pub(crate) fn redis_password(&self) -> Result<String, StackError> {
        self.password("redis.password")
    }

    /// The password of a service at config-server.
    pub(crate) fn config_password(&self, app: &str) -> Result<String, StackError> {
        self.password(&config_password_file(app))
    }

    /// The file of [`Secrets::config_password`].
    pub(crate) fn config_password_file(&self, app: &str) -> PathBuf {
        self.folder.join(config_password_file(app))
    }

    /// Writes the file from which config-server reads the passwords of all services and of the operator, and gives
    /// its path.
    pub(crate) fn write_credentials(&self, apps: &[&str]) -> Result<PathBuf, StackError> {
        let lines: Vec<String> = apps
            .iter()
            .chain(&[OPERATOR])
            .map(|app| Ok(format!("{app}: \"{}\"\n", self.config_password(app)?)))
            .collect::<Result<_, StackError>>()?;
        let path = self.folder.join("config-server-credentials.yml");
        write_private(&path, &lines.concat())
            .map_err(StackError::io(format!("writing {}", path.display())))?;
        Ok(path)
    }

    /// The key that signs the tokens of `signer`.
    pub(crate) fn token_key(&self, signer: &str) -> Result<TokenKey, StackError> {
        let name = format!("{signer}.ed25519");
        let private = self.load_or_generate(&name, || {
            let mut secret_key = [0; 32];
            rand::rng().fill(&mut secret_key);
            let key = KeypairBytes { secret_key, public_key: None }
                .to_pkcs8_der()
                .map_err(StackError::secret(format!("writing the key {name}")))?;
            Ok(BASE64.encode(key.as_bytes()))
        })?;
        let bytes = BASE64.decode(&private).map_err(StackError::secret(format!("reading the key {name}")))?;
        let key = SigningKey::from_pkcs8_der(&bytes)
            .map_err(StackError::secret(format!("reading the key {name}")))?;
        Ok(TokenKey { private, public: BASE64.encode(key.verifying_key().as_bytes()) })
    }

    /// The key under which member-api stores the secrets of one-time passwords.
    pub(crate) fn otp_key(&self) -> Result<String, StackError> {
        self.load_or_generate("otp.key", || {
            let name = OTP_KEY_NAME.parse().expect("a constant that is a key's name");
            Ok(OpeningKey::generate(name).to_text().expose_secret().to_owned())
        })
    }

    /// The file of [`Secrets::token_key`].
    pub(crate) fn token_key_file(&self, signer: &str) -> PathBuf {
        self.folder.join(format!("{signer}.ed25519"))
    }

    /// The file of the key that opens sealed settings.
    pub(crate) fn opening_key_file(&self) -> PathBuf {
        self.folder.join("sealing.key")
    }

    /// The key that seals settings.
    pub(crate) fn sealing_key(&self) -> Result<SealingKey, StackError> {
        let path = self.opening_key_file();
        if !path.exists() {
            let name = SEALING_KEY_NAME.parse().expect("a constant that is a key's name");
            OpeningKey::generate(name)
                .write_new(&path)
                .map_err(StackError::secret("making the sealing key"))?;
        }
        let key = OpeningKey::read(&path).map_err(StackError::secret("reading the sealing key"))?;
        Ok(key.sealing_key())
    }

    fn password(&self, name: &str) -> Result<String, StackError> {
        self.load_or_generate(name, || {
            Ok(rand::rng().sample_iter(Alphanumeric).take(PASSWORD_CHARS).map(char::from).collect())
        })
    }

    fn load_or_generate(
        &self,
        name: &str,
        generate: impl FnOnce() -> Result<String, StackError>,
    ) -> Result<String, StackError> {
        let path = self.folder.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => return Ok(text.trim_end().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => {
                return Err(StackError::Io { doing: format!("reading {}", path.display()), source });
            }
        }
        let secret = generate()?;
        write_private(&path, &secret).map_err(StackError::io(format!("writing {}", path.display())))?;
        Ok(secret)
    }
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::options().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

fn config_password_file(app: &str) -> String {
    format!("{app}.config-password")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn secrets() -> (tempfile::TempDir, Secrets) {
        let checkout = tempfile::tempdir().unwrap();
        let home = Home::lasting(checkout.path());
        home.create().unwrap();
        let secrets = Secrets::open(&home);
        (checkout, secrets)
    }

    #[test]
    fn secrets_are_made_once_and_readable_by_their_owner_alone() {
        let (_checkout, secrets) = secrets();

        let password = secrets.database_password("member").unwrap();
        let key = secrets.token_key("member-api").unwrap();
        secrets.sealing_key().unwrap();
        let credentials = secrets.write_credentials(&["member-api", "store-api"]).unwrap();

        assert_eq!(password.len(), PASSWORD_CHARS);
        assert_ne!(password, secrets.database_password("store").unwrap());
        assert_eq!(password, secrets.database_password("member").unwrap());
        let operator = format!("operator: \"{}\"\n", secrets.config_password("operator").unwrap());
        assert!(fs::read_to_string(credentials).unwrap().ends_with(&operator));
        assert_eq!(key.public, secrets.token_key("member-api").unwrap().public);
        for file in fs::read_dir(&secrets.folder).unwrap() {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
        }
    }

    #[test]
    fn what_is_sealed_is_opened_by_the_key_file() {
        let (_checkout, secrets) = secrets();
        let sealed = secrets.sealing_key().unwrap().seal("비밀").unwrap();
        assert!(sealed.to_string().starts_with("{cipher}{key:local}"));
        OpeningKey::read(&secrets.opening_key_file()).unwrap().open(&sealed).unwrap();
    }
}
