//! The tables: medians over the rounds with their spread, and ratios taken within each round.

use crate::generate::Outcome;

/// One run.
pub struct Figures {
    per_second: f64,
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

/// The figures of all proxies over the rounds.
pub struct Table {
    rows: Vec<(&'static str, Vec<Figures>)>,
}

type Column = (&'static str, fn(&Figures) -> f64);

const COLUMNS: [Column; 5] = [
    ("requests/s", |figures| figures.per_second),
    ("p50 us", |figures| figures.p50),
    ("p99 us", |figures| figures.p99),
    ("p99.9 us", |figures| figures.p999),
    ("cpu s/100k", |figures| figures.cpu),
];

impl Table {
    pub fn new(names: impl Iterator<Item = &'static str>) -> Self {
        Self { rows: names.map(|name| (name, Vec::new())).collect() }
    }

    pub fn add(&mut self, place: usize, figures: Figures) {
        self.rows[place].1.push(figures);
    }

    /// Medians with [least-most], then zengate's ratios to the others.
    pub fn print(&self) {
        print!("{:<18}", "");
        COLUMNS.iter().for_each(|(name, _)| print!("{name:>27}"));
        println!("{:>7}{:>9}", "busy", "RSS MiB");
        for (name, runs) in &self.rows {
            print!("{name:<18}");
            for (_, of) in COLUMNS {
                print!("{:>27}", spread(runs.iter().map(of)));
            }
            println!(
                "{:>7.2}{:>9.1}",
                median(runs.iter().map(|figures| figures.busy)),
                median(runs.iter().map(|figures| figures.resident_mib))
            );
        }
        let Some((_, ours)) = self.rows.iter().find(|(name, _)| *name == "zengate") else { return };
        for (name, theirs) in self.rows.iter().filter(|(name, _)| *name == "nginx" || *name == "haproxy") {
            print!("{:<18}", format!("zengate/{name}"));
            for (_, of) in COLUMNS {
                print!("{:>27}", spread(ours.iter().zip(theirs).map(|(our, their)| of(our) / of(their))));
            }
            let resident = |runs: &[Figures]| median(runs.iter().map(|figures| figures.resident_mib));
            println!("{:>7}{:>9.2}", "", resident(ours) / resident(theirs));
        }
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let values = sorted(values);
    values[values.len() / 2]
}

fn spread(values: impl Iterator<Item = f64>) -> String {
    let values = sorted(values);
    let text = |value: f64| match value {
        value if value < 100.0 => format!("{value:.2}"),
        value => format!("{value:.0}"),
    };
    let (least, most) = (values[0], values[values.len() - 1]);
    format!("{} [{}-{}]", text(values[values.len() / 2]), text(least), text(most))
}
