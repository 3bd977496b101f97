//! `cargo xtask up`: the whole stack, until Ctrl-C.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use stack::{Control, Database, Home, Incident, Interrupt, Options, SERVICES, ServerOptions, Servers, Stack};

use crate::cargo::{self, Profile};
use crate::display::display;
use crate::failure::print_log;
use crate::signals::Signals;

/// More instances of a service do not make a machine faster.
const MOST_INSTANCES: u16 = 16;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Builds with the profile that the benchmarks use: slower to build, faster to run
    #[arg(long)]
    release: bool,
    /// The number of instances of some services: member-api=2,order-api=2,gateway=2
    #[arg(long, value_name = "SERVICE=N,…", default_value = "")]
    instances: Instances,
}

/// The number of instances of each service that has more than one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Instances(BTreeMap<String, u16>);

impl FromStr for Instances {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut numbers = BTreeMap::new();
        for word in text.split(',').filter(|word| !word.is_empty()) {
            let (service, number) = word.split_once('=').ok_or_else(|| format!("{word} is not SERVICE=N"))?;
            if !SERVICES.iter().any(|kind| kind.name == service) {
                let known: Vec<_> = SERVICES.iter().map(|kind| kind.name).collect();
                return Err(format!("{service} is no service; the services are {}", known.join(", ")));
            }
            let number = number.parse().ok().filter(|number| (1..=MOST_INSTANCES).contains(number));
            let number = number.ok_or_else(|| format!("{word}: the number is from 1 to {MOST_INSTANCES}"))?;
            if service == "config-server" && number > 1 {
                return Err("there is one config-server: the others know its address".to_owned());
            }
            if numbers.insert(service.to_owned(), number).is_some() {
                return Err(format!("{service} is named twice"));
            }
        }
        Ok(Self(numbers))
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let signals = Signals::listen()?;
    let profile = if arguments.release { Profile::Release } else { Profile::Dev };
    let stack = start(&signals, profile, &arguments.instances)?;
    print_addresses(&stack);
    println!("\nCtrl-C drains and stops everything. The data stays.");
    keep_running(&stack, &signals)?;
    println!("\nStopping.");
    stack.shut_down()?;
    Ok(ExitCode::SUCCESS)
}

/// Builds and starts the lasting stack of this checkout. The servers start first, so that a second `up` fails before it
/// builds.
pub(crate) fn start(signals: &Signals, profile: Profile, instances: &Instances) -> anyhow::Result<Stack> {
    let progress = display();
    let servers = Servers::start(ServerOptions {
        home: Home::lasting(stack::checkout()),
        database: Database::MariaDb,
        interrupt: signals.interrupt(),
        progress: progress.clone(),
    })?;
    progress.note("Building the five services. The first time this takes some minutes.");
    let binaries = cargo::build_services(profile)?;
    Ok(Stack::start(servers, Options { binaries, instances: instances.0.clone(), ..Options::default() })?)
}

/// Starts parts again that end by themselves, and obeys `cargo xtask roll`, until a signal comes.
pub(crate) fn keep_running(stack: &Stack, signals: &Signals) -> anyhow::Result<()> {
    let control = Control::open(stack)?;
    let over = Interrupt::default();
    thread::scope(|scope| {
        scope.spawn(|| control.obey(stack, &over));
        stack.supervise(|time| signals.wait(time), &tell);
        over.raise();
    });
    Ok(())
}

fn tell(incident: Incident) {
    match incident {
        Incident::Ended { part, status, log, pause } => {
            eprintln!("\n{part} ended by itself ({status}).");
            print_log(&log);
            eprintln!("Starting {part} again{}.", in_a_while(pause));
        }
        Incident::NotStarted { part, error, pause } => {
            eprintln!("\n{part} can't be started: {error}.");
            eprintln!("The other parts go on. Trying {part} again{}.", in_a_while(pause));
        }
        Incident::NotReady { part, error } => {
            eprintln!("\n{part} still starts: {error}.");
            eprintln!("The other parts go on. Waiting for {part}.");
        }
        Incident::Back { part } => eprintln!("{part} is back."),
    }
}

fn in_a_while(pause: Duration) -> String {
    if pause.is_zero() { String::new() } else { format!(" in {} s", pause.as_secs()) }
}

fn print_addresses(stack: &Stack) {
    let gateway = stack.gateway_url();
    let home = stack.servers().home();
    println!("\nDalkom is up.\n");
    let addresses = [
        ("gateway", gateway.clone(), "where clients call"),
        ("documentation", format!("{gateway}/docs"), "every operation, to read and to try out"),
        ("settings", stack.url("config-server").unwrap_or_default(), "config-server"),
        ("instances", format!("{}/ui", stack.servers().consul_url()), "Consul"),
        ("database", format!("127.0.0.1:{}", stack.servers().database_port()), "MariaDB or MySQL"),
        ("redis", stack.servers().redis_url(), "carts"),
        ("logs", home.logs().display().to_string(), "one for each part"),
        ("secrets", home.secrets().display().to_string(), "keys and passwords; keep them private"),
    ];
    for (name, address, what) in addresses {
        println!("  {name:14} {address:42} {what}");
    }
    println!("\n  `cargo xtask demo` in another terminal plays a day through the gateway.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_numbers_of_known_services() {
        let read = |text: &str| text.parse::<Instances>();
        let two = read("member-api=2,gateway=3").unwrap().0;
        assert_eq!(two, BTreeMap::from([("member-api".to_owned(), 2), ("gateway".to_owned(), 3)]));
        assert_eq!(read("").unwrap(), Instances::default());
        for wrong in
            ["member-api", "member=2", "member-api=0", "member-api=17", "member-api=x", "config-server=2"]
        {
            read(wrong).unwrap_err();
        }
        assert!(read("gateway=1,gateway=2").unwrap_err().contains("twice"));
    }
}
