//! Argon2id with memory that is kept from one hash to the next.
//!
//! The traits of the argon2 crate allocate new memory for each hash. The allocator keeps freed memory of this size in each of its
//! arenas. So the process soon held many times the memory that it used.

use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::password_hash::{Error, generate_salt};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};

/// Argon2id with 19 MiB, two passes and one lane, as OWASP recommends
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const ALGORITHM: Algorithm = Algorithm::Argon2id;
const VERSION: Version = Version::V0x13;

/// The salt of the hash that is computed for an account that does not exist.
const NO_ACCOUNT: [u8; 16] = *b"there is nobody.";

/// The memory of one hash at a time. It is taken with the first hash and kept.
#[derive(Default)]
pub(super) struct HashMemory {
    blocks: Vec<Block>,
    #[cfg(test)]
    filled: u32,
}

impl HashMemory {
    /// Returns the PHC string of a password, with a new salt.
    pub(super) fn hash(&mut self, password: &[u8]) -> Result<String, Error> {
        let (salt, params) = (generate_salt(), params());
        let mut bytes = [0; Params::DEFAULT_OUTPUT_LEN];
        self.fill(ALGORITHM, VERSION, params.clone(), password, &salt, &mut bytes)?;
        let hash = PasswordHash {
            algorithm: ALGORITHM.ident(),
            version: Some(VERSION.into()),
            params: ParamsString::try_from(&params)?,
            salt: Some(Salt::new(&salt)?),
            hash: Some(Output::new(&bytes)?),
        };
        Ok(hash.to_string())
    }

    /// Returns whether a password matches a PHC string, by the parameters in that string. Without a string it returns false, after
    /// the same time.
    pub(super) fn verify(&mut self, password: &[u8], hash: Option<&str>) -> Result<bool, Error> {
        let Some(hash) = hash else {
            let mut bytes = [0; Params::DEFAULT_OUTPUT_LEN];
            self.fill(ALGORITHM, VERSION, params(), password, &NO_ACCOUNT, &mut bytes)?;
            return Ok(false);
        };
        let hash = PasswordHash::new(hash)?;
        let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
            return Err(Error::EncodingInvalid);
        };
        let algorithm = Algorithm::try_from(hash.algorithm.as_str())?;
        let version = hash.version.map_or(Ok(VERSION), Version::try_from)?;
        let mut bytes = [0; Output::MAX_LENGTH];
        let bytes = bytes.get_mut(..expected.len()).ok_or(Error::OutputSize)?;
        self.fill(algorithm, version, Params::try_from(&hash)?, password, salt, bytes)?;
        // `Output` compares in constant time.
        Ok(*expected == Output::new(bytes)?)
    }

    /// How many hashes have been computed.
    #[cfg(test)]
    pub(super) fn filled(&self) -> u32 {
        self.filled
    }

    fn fill(
        &mut self,
        algorithm: Algorithm,
        version: Version,
        params: Params,
        password: &[u8],
        salt: &[u8],
        bytes: &mut [u8],
    ) -> Result<(), Error> {
        #[cfg(test)]
        {
            self.filled += 1;
        }
        let blocks = params.block_count();
        let argon2 = Argon2::new(algorithm, version, params);
        if blocks > MEMORY_KIB as usize {
            // A stored hash that takes more than a new one. Such memory is not kept.
            let mut memory = vec![Block::new(); blocks];
            return Ok(argon2.hash_password_into_with_memory(password, salt, bytes, &mut memory)?);
        }
        if self.blocks.is_empty() {
            self.blocks = vec![Block::new(); MEMORY_KIB as usize];
        }
        Ok(argon2.hash_password_into_with_memory(password, salt, bytes, &mut self.blocks)?)
    }
}

fn params() -> Params {
    Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within Argon2's limits")
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

    use super::*;

    const PASSWORD: &[u8] = b"macaron-tower-7";

    #[test]
    fn each_hash_has_its_own_salt_and_verifies_only_its_password() {
        let mut memory = HashMemory::default();
        let (first, second) = (memory.hash(PASSWORD).unwrap(), memory.hash(PASSWORD).unwrap());
        assert_ne!(first, second);
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert!(memory.verify(PASSWORD, Some(&first)).unwrap());
        assert!(!memory.verify(b"macaron-tower-8", Some(&first)).unwrap());
        assert!(!memory.verify(PASSWORD, None).unwrap());
        assert!(memory.verify(b"x", Some("no hash")).is_err());
    }

    #[test]
    fn hashes_are_those_that_the_library_makes_by_itself() {
        let mut memory = HashMemory::default();
        let library = Argon2::new(ALGORITHM, VERSION, params());
        let theirs = library.hash_password(PASSWORD).unwrap().to_string();
        assert!(memory.verify(PASSWORD, Some(&theirs)).unwrap());
        let ours = memory.hash(PASSWORD).unwrap();
        assert!(library.verify_password(PASSWORD, &PasswordHash::new(&ours).unwrap()).is_ok());
    }

    #[test]
    fn hashes_with_other_parameters_stay_good() {
        let mut memory = HashMemory::default();
        for (algorithm, kib, passes, lanes, length) in [
            (Algorithm::Argon2id, 64, 1, 1, 16),
            (Algorithm::Argon2i, 1024, 3, 4, 32),
            (Algorithm::Argon2id, MEMORY_KIB + 1024, 1, 2, 64),
        ] {
            let params = Params::new(kib, passes, lanes, Some(length)).unwrap();
            let hash = Argon2::new(algorithm, VERSION, params).hash_password(PASSWORD).unwrap().to_string();
            assert!(memory.verify(PASSWORD, Some(&hash)).unwrap(), "{hash}");
            assert!(!memory.verify(b"another", Some(&hash)).unwrap(), "{hash}");
        }
        assert_eq!(memory.blocks.len(), MEMORY_KIB as usize);
    }
}
