//! The tables: medians over the rounds with their spread, and ratios taken within each round.

use crate::generate::Outcome;

/// One run.
pub struct Figures {
    pub per_second: f64,
    /// Microseconds.
    p50: f64,
    p99: f64,
    p999: f64,
    /// CPU seconds of the proxy per 100,000 requests.
    cpu: f64,
    /// The share of its core that the proxy used.
    busy: f64,
    resident_mib: f64,
}

impl Figures {
    pub fn new(outcome: &Outcome, cpu_nanos: u64, resident_kib: u64) -> Self {
        let latencies = &outcome.latencies;
        let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize] as f64 / 1e3;
        let (count, cpu) = (latencies.len() as f64, cpu_nanos as f64 / 1e9);
        Self {
            per_second: count / outcome.seconds,
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            cpu: cpu * 1e5 / count,
            busy: cpu / outcome.seconds,
            resident_mib: resident_kib as f64 / 1024.0,
        }
    }
}

/// The figures of one workload at one pace: a row for each proxy, by rounds. One that was left out has none.
pub struct Table {
    pub title: String,
    pub rows: Vec<(String, Vec<Figures>)>,
}

type Column = (&'static str, fn(&Figures) -> f64);

const COLUMNS: [Column; 7] = [
    ("requests/s", |figures| figures.per_second),
    ("p50 us", |figures| figures.p50),
    ("p99 us", |figures| figures.p99),
    ("p99.9 us", |figures| figures.p999),
    ("cpu s/100k", |figures| figures.cpu),
    ("RSS MiB", |figures| figures.resident_mib),
    ("busy", |figures| figures.busy),
];

/// Of the columns, those of the latencies and the one of which no ratio says anything.
const LATENCIES: std::ops::Range<usize> = 1..4;
const BUSY: usize = 6;

impl Table {
    pub fn new(title: String, names: impl Iterator<Item = String>) -> Self {
        Self { title, rows: names.map(|name| (name, Vec::new())).collect() }
    }

    fn row(&self, name: &str) -> Option<&[Figures]> {
        let (_, runs) = self.rows.iter().find(|(known, runs)| known == name && !runs.is_empty())?;
        Some(runs)
    }

    /// Medians with [least-most], then the ratios.
    pub fn print(&self) {
        println!("\n{}", self.title);
        heads();
        for (name, runs) in self.rows.iter().filter(|(_, runs)| !runs.is_empty()) {
            line(name, |column| Some(spread(runs.iter().map(COLUMNS[column].1))));
        }
        for base in ["envoy", "nginx"] {
            let others = self.rows.iter().filter(|(name, _)| name != base && name != "direct");
            others.for_each(|(name, _)| self.ratio(name, base));
        }
        for (first, kind) in [("envoy+opa", "zengate"), ("zengate", "zengate"), ("envoy+opa", "envoy+opa")] {
            let named = |wanted: &'static str| {
                let rows = self.rows.iter().filter(move |(name, _)| name.starts_with(wanted));
                rows.map(|(name, _)| name.as_str())
            };
            for name in named(kind) {
                let end = name.strip_prefix(kind).unwrap_or_default();
                // Of one size, the two kinds; of one kind, all sizes by the first.
                let base = match first == kind {
                    true => named(first).next().filter(|base| *base != name),
                    false => named(first).find(|base| end.starts_with(&base[first.len()..])),
                };
                if let Some(base) = base {
                    self.ratio(name, base);
                }
            }
        }
    }

    fn ratio(&self, name: &str, base: &str) {
        if let (Some(ours), Some(theirs)) = (self.row(name), self.row(base)) {
            quotients(&format!("{name} / {base}"), ours, theirs);
        }
    }

    /// What each proxy adds to the latency of asking the stub itself, as a multiple of what nginx adds.
    pub fn print_added(&self) {
        let (Some(direct), Some(nginx)) = (self.row("direct"), self.row("nginx")) else { return };
        for (name, _) in self.rows.iter().filter(|(name, _)| name != "direct" && name != "nginx") {
            let Some(runs) = self.row(name) else { continue };
            line(&format!("added: {name} / nginx"), |column| {
                let of = COLUMNS[column].1;
                let rounds = runs.iter().zip(direct).zip(nginx);
                let added = |figures, floor| of(figures) - of(floor);
                let values = rounds.map(|((run, floor), nginx)| added(run, floor) / added(nginx, floor));
                LATENCIES.contains(&column).then(|| spread(values))
            });
        }
    }
}

/// One workload by another, of the same proxy in the same round.
pub fn compare(title: &str, one: &Table, other: &Table) {
    println!("\n{title}");
    heads();
    for (name, _) in one.rows.iter().filter(|(name, _)| name != "direct") {
        if let (Some(ours), Some(theirs)) = (one.row(name), other.row(name)) {
            quotients(name, ours, theirs);
        }
    }
}

fn heads() {
    line("", |column| Some(COLUMNS[column].0.to_owned()));
}

fn quotients(name: &str, ours: &[Figures], theirs: &[Figures]) {
    line(name, |column| {
        let of = COLUMNS[column].1;
        (column != BUSY).then(|| spread(ours.iter().zip(theirs).map(|(our, their)| of(our) / of(their))))
    });
}

fn line(name: &str, cell: impl Fn(usize) -> Option<String>) {
    print!("{name:<48}");
    for column in 0..COLUMNS.len() {
        print!("{:>27}", cell(column).unwrap_or_default());
    }
    println!();
}

fn spread(values: impl Iterator<Item = f64>) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let text = |value: f64| match value {
        value if value.abs() < 100.0 => format!("{value:.2}"),
        value => format!("{value:.0}"),
    };
    let (least, most) = (values[0], values[values.len() - 1]);
    format!("{} [{}-{}]", text(values[values.len() / 2]), text(least), text(most))
}
