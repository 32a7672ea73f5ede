//! What a process and its children have used: CPU time and memory, from `/proc`.

use std::fs::read_to_string;

/// Nanoseconds of CPU of all threads of `pid` and its children. Finer than the ticks of `/proc/PID/stat`.
pub fn cpu_nanos(pid: u32) -> u64 {
    family(pid).into_iter().map(of_threads).sum()
}

/// Resident memory of `pid` and its children in KiB.
pub fn resident_kib(pid: u32) -> u64 {
    let of = |pid: u32| {
        let status = read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    family(pid).into_iter().map(of).sum()
}

fn family(pid: u32) -> Vec<u32> {
    let children = read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    std::iter::once(pid).chain(children.flat_map(family)).collect()
}

fn of_threads(pid: u32) -> u64 {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return 0 };
    threads
        .filter_map(|thread| read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|line| line.split(' ').next()?.parse::<u64>().ok())
        .sum()
}
