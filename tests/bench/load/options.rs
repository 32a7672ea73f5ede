//! The command line: each option `--name value`, or a word alone for a switch.

use crate::peers::Variant;

pub struct Options {
    /// Rounds; each runs every proxy once for each workload and pace.
    pub rounds: usize,
    /// Seconds of one run; well below the 300 for which a signature is good.
    pub seconds: f64,
    pub connections: usize,
    /// Requests a second of the fixed pace; 0: saturated only.
    pub rate: f64,
    /// `no` turns off access logs and decision records, in all proxies.
    pub logs: bool,
    /// Only these workloads, between commas.
    pub only: Option<String>,
    /// Only these proxies, between commas; `zengate` and `envoy+opa` stand for all their variants.
    peers: Option<String>,
    /// Whether zengate keeps its history of decisions, which is a database, beside the decision records.
    pub history: bool,
    /// HTTP/2 between the load generator and the proxies.
    pub h2: bool,
    /// TLS there.
    pub tls: bool,
    /// Further rules, further teams, ledgers: lists between commas, each a zengate beside the others.
    rules: Vec<usize>,
    teams: Vec<usize>,
    ledgers: Vec<Ledger>,
}

/// Where creates are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ledger {
    None,
    Embedded,
    Postgres,
}

impl Options {
    pub fn read() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let value = |name: &str| {
            let place = arguments.iter().position(|argument| argument == name)?;
            Some(arguments.get(place + 1).expect("a value").clone())
        };
        let given = |name: &str| arguments.iter().any(|argument| argument == name);
        let number =
            |name: &str, usual: f64| value(name).map_or(usual, |text| text.parse().expect("a number"));
        let list = |name: &str| -> Vec<usize> {
            let text = value(name).unwrap_or_else(|| "0".to_owned());
            text.split(',').map(|part| part.parse().expect("a number")).collect()
        };
        let ledger = |word: &str| match word {
            "none" => Ledger::None,
            "embedded" => Ledger::Embedded,
            "postgres" => Ledger::Postgres,
            _ => panic!("--ledger none, embedded or postgres"),
        };
        // `--test` shows that everything works; its figures mean nothing.
        let smoke = given("--test");
        Self {
            rounds: number("--rounds", if smoke { 1.0 } else { 7.0 }).max(1.0) as usize,
            seconds: number("--seconds", if smoke { 0.2 } else { 2.0 }).clamp(0.1, 120.0),
            connections: number("--connections", if smoke { 8.0 } else { 64.0 }).max(1.0) as usize,
            rate: number("--rate", if smoke { 200.0 } else { 300.0 }),
            logs: value("--logs").is_none_or(|word| word != "no"),
            only: value("--only"),
            peers: value("--peers"),
            history: given("--history"),
            h2: given("--h2"),
            tls: given("--tls"),
            rules: list("--rules"),
            teams: list("--teams"),
            ledgers: value("--ledger").unwrap_or_else(|| "none".to_owned()).split(',').map(ledger).collect(),
        }
    }

    pub fn wants(&self, workload: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.split(',').any(|name| name == workload))
    }

    pub fn compares(&self, peer: &str) -> bool {
        self.peers.as_ref().is_none_or(|peers| peers.split(',').any(|name| name == peer))
    }

    /// Every combination of the lists, named by what differs; those that keep no ledger only once for all ledgers.
    pub fn variants(&self, keeps_ledger: bool) -> Vec<(String, Variant)> {
        let ledgers = if keeps_ledger { self.ledgers.as_slice() } else { &[Ledger::None] };
        let mut all = Vec::new();
        for &rules in &self.rules {
            for &teams in &self.teams {
                for &ledger in ledgers {
                    let mut name = String::new();
                    if self.rules.len() > 1 {
                        name += &format!(" {rules} rules");
                    }
                    if self.teams.len() > 1 {
                        name += &format!(" {teams} teams");
                    }
                    if ledgers.len() > 1 {
                        name += &format!(" {}", format!("{ledger:?}").to_lowercase());
                    }
                    all.push((name, Variant { rules, teams, ledger }));
                }
            }
        }
        all
    }

    /// Whether a create that was answered is known again by its signature.
    pub fn remembers(&self) -> bool {
        self.ledgers.iter().any(|ledger| *ledger != Ledger::None)
    }
}
