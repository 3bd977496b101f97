//! Tokens of members and services, for tests of one service without member-api.

use std::collections::BTreeMap;
use std::time::Duration;

use access::{
    Jwk, Jwks, MemberId, Principal, Role, ServiceKeys, ServiceTokens, Settings, SigningKey, UserKeys,
    UserTokens, Verifier,
};
use clock::Clock;

/// Issues tokens to members and services, and makes the verifier that accepts them.
#[derive(Debug)]
pub struct People {
    clock: Clock,
    user_key: SigningKey,
    user_tokens: UserTokens,
    services: BTreeMap<&'static str, ServiceTokens>,
    user_keys: UserKeys,
    service_keys: BTreeMap<String, String>,
    called: String,
}

impl People {
    /// For tests of the service `called`, which is the audience of service tokens.
    pub fn of(called: &str, clock: &Clock) -> Self {
        let new_key =
            || SigningKey::from_base64(&SigningKey::generate().expect("a key")).expect("our own key");
        let user_key = new_key();
        let settings = Settings::of_users("https://dalkom.test", "dalkom", "member-api");
        let user_keys = UserKeys::new(&settings.issuer, &settings.audience, clock.clone());
        user_keys.replace(&Jwks { keys: vec![Jwk::from(&user_key)] });
        let mut service_keys = BTreeMap::new();
        let mut services = BTreeMap::new();
        for name in ["gateway", "member-api", "store-api", "order-api"] {
            let key = new_key();
            service_keys.insert(name.to_owned(), key.public_base64());
            services.insert(name, ServiceTokens::new(name, key, clock.clone()));
        }
        Self {
            clock: clock.clone(),
            user_key,
            user_tokens: UserTokens::new(&settings, Duration::from_secs(900), clock.clone()),
            services,
            user_keys,
            service_keys,
            called: called.to_owned(),
        }
    }

    /// The verifier to wrap the router under test in.
    pub fn verifier(&self) -> Verifier {
        self.verifier_of(&self.called)
    }

    /// The verifier to wrap the router of another service in, for tests with more than one.
    pub fn verifier_of(&self, called: &str) -> Verifier {
        let service_keys = ServiceKeys::new(called, &self.service_keys, self.clock.clone());
        Verifier::new(self.user_keys.clone(), service_keys.expect("our own keys"))
    }

    /// A new member's id.
    pub fn new_member(&self) -> MemberId {
        MemberId(self.clock.new_id())
    }

    /// An access token of this member.
    pub fn token(&self, member_id: MemberId, role: Role) -> String {
        let principal = Principal { member_id, role, session_id: self.clock.new_id() };
        self.user_tokens.sign(&principal, &self.user_key).expect("a token")
    }

    /// A token of the service `caller` for the service `audience`.
    pub fn service_token(&self, caller: &str, audience: &str) -> String {
        self.services[caller].token_for(audience).expect("a token")
    }
}
