//! The settings in `config/`: they can be served, and contain no secret.

use std::path::PathBuf;

use config_server::environment::{Environments, Query};
use config_server::repository::Repository;
use config_server::sealing::Keyring;
use service_host::settings::{Management, Server};
use settings::{Environment, Tree};

const APPLICATIONS: [&str; 5] = ["config-server", "gateway", "member-api", "store-api", "order-api"];

fn environment(application: &str) -> Environment {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../config");
    let repository = Repository::new(vec![directory]);
    repository.refresh().unwrap();
    let query = Query::new(application, "default", None).unwrap();
    Environments::new(repository, Keyring::default()).read(&query).unwrap()
}

#[test]
fn every_process_has_a_file_and_ports_of_its_own() {
    let mut ports = Vec::new();
    for application in APPLICATIONS {
        let environment = environment(application);
        assert_eq!(environment.property_sources.len(), 2, "{application} has no file of its own");

        let mut tree = Tree::from_environment(&environment).unwrap();
        ports.push(tree.take_section::<Server>("server").unwrap().address);
        ports.push(tree.take_section::<Management>("management").unwrap().address);
    }
    ports.sort_unstable();
    ports.dedup();

    assert_eq!(ports.len(), 2 * APPLICATIONS.len());
    assert!(
        ports.iter().all(|address| address.ip().is_loopback()),
        "an address is open to the network by default"
    );
}

#[test]
fn no_secret_is_in_git() {
    for application in APPLICATIONS {
        for source in environment(application).property_sources {
            for key in source.source.keys() {
                let secret = ["password", "secret", "signing-key", "private", "token."];
                assert!(!secret.iter().any(|word| key.contains(word)), "{key} in {}", source.name);
            }
        }
    }
}
