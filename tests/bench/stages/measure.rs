//! Measuring: time per operation with its spread, allocations per operation, and what a second thread adds.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Something to measure. Each thread makes its own; what comes out does one operation per call.
pub struct Case {
    pub name: &'static str,
    pub make: Box<dyn Fn() -> Box<dyn FnMut()> + Sync>,
}

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Samples per case.
    pub samples: usize,
    /// The length of one sample.
    pub sample: Duration,
}

impl Effort {
    /// Enough to see that everything runs.
    pub const SMOKE: Self = Self { samples: 1, sample: Duration::ZERO };
    /// For figures.
    pub const FULL: Self = Self { samples: 41, sample: Duration::from_millis(12) };
}

/// What came out.
pub struct Figures {
    /// Nanoseconds per operation of each sample, in order.
    pub nanos: Vec<f64>,
    pub allocations: f64,
    pub bytes: f64,
    /// Operations per second on two threads by those on one.
    pub scaling: f64,
}

/// Measures one case.
pub fn measure(case: &Case, effort: Effort) -> Figures {
    let mut run = (case.make)();
    run();
    let calls = calibrate(&mut run, effort.sample);
    let mut nanos: Vec<f64> = (0..effort.samples).map(|_| timed(&mut run, calls)).collect();
    nanos.sort_by(f64::total_cmp);
    let counted = calls.clamp(1, 64);
    let info = allocation_counter::measure(|| (0..counted).for_each(|_| run()));
    drop(run);
    Figures {
        nanos,
        allocations: info.count_total as f64 / counted as f64,
        bytes: info.bytes_total as f64 / counted as f64,
        scaling: scaling(case, calls, effort),
    }
}

/// How often a case runs before it is counted: until connections, caches and the settings of the team are there, and the
/// first answers have been compared with the interpreter's.
const WARM_UP: u32 = 32;
/// How often it runs while it is counted; what grows in steps is spread over them.
pub const COUNTED: u32 = 64;

/// Runs one case for whoever counts instructions, and gives its allocations per operation.
pub fn count(case: &Case) -> f64 {
    let mut run = (case.make)();
    (0..WARM_UP).for_each(|_| run());
    let info = allocation_counter::measure(|| run_counted(&mut run));
    info.count_total as f64 / f64::from(COUNTED)
}

/// Callgrind begins at its start and ends at its end: it knows the function by its name.
#[inline(never)]
fn run_counted(run: &mut dyn FnMut()) {
    (0..COUNTED).for_each(|_| black_box(&mut *run)());
}

/// How many calls fill a sample.
fn calibrate(run: &mut dyn FnMut(), sample: Duration) -> u64 {
    let mut calls = 1;
    loop {
        let start = Instant::now();
        (0..calls).for_each(|_| black_box(&mut *run)());
        let took = start.elapsed();
        if took >= sample {
            return calls;
        }
        calls *= 2;
    }
}

fn timed(run: &mut dyn FnMut(), calls: u64) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| black_box(&mut *run)());
    start.elapsed().as_nanos() as f64 / calls as f64
}

/// The median over alternated pairs of one thread and two.
fn scaling(case: &Case, calls: u64, effort: Effort) -> f64 {
    let mut ratios: Vec<f64> = (0..effort.samples.div_ceil(4))
        .map(|_| {
            let one = together(case, calls, 1);
            2.0 * one / together(case, calls, 2)
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// Seconds until `threads` threads that began together have each done `calls`.
fn together(case: &Case, calls: u64, threads: usize) -> f64 {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut run = (case.make)();
                    run();
                    start.wait();
                    let from = Instant::now();
                    (0..calls).for_each(|_| run());
                    from.elapsed().as_secs_f64()
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).fold(0.0, f64::max)
    })
}

/// The head of the table.
pub fn heading() {
    println!(
        "{:<44} {:>10} {:>10} {:>10} {:>8} {:>9} {:>10}",
        "ns per operation", "median", "best", "p90", "allocs", "bytes", "2 threads"
    );
}

/// One line of the table.
pub fn line(name: &str, figures: &Figures) {
    let at = |part: f64| figures.nanos[((figures.nanos.len() - 1) as f64 * part) as usize];
    println!(
        "{name:<44} {:>10.0} {:>10.0} {:>10.0} {:>8.1} {:>9.0} {:>9.2}x",
        at(0.5),
        at(0.0),
        at(0.9),
        figures.allocations,
        figures.bytes,
        figures.scaling,
    );
}
