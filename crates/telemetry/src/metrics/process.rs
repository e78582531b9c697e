//! Metrics of the process: from proc(5), under the names that all Prometheus clients use, and the budget of memory.
//!
//! By hand on purpose. The feature `process` of the crate `prometheus` has the thread count, too, but it cuts processor time and
//! the start time down to whole seconds. It adds `process_virtual_memory_bytes`, which here is terabytes of reserved addresses.
//! It brings five crates, a second rustix among them: 6 s of compiler work.

use image_service_memory::BUDGET;
use prometheus::{Counter, Gauge, IntGauge, Opts, Registry};
use rustix::param::{clock_ticks_per_second, page_size};
use std::fs;

pub(super) struct Gauges {
    resident: IntGauge,
    open_files: IntGauge,
    max_files: IntGauge,
    threads: IntGauge,
    memory_used: IntGauge,
    memory_limit: IntGauge,
    cpu: Counter,
}

/// The fields of /proc/self/stat that the metrics need.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    threads: i64,
    start_ticks: u64,
    resident_pages: u64,
}

impl Gauges {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let whole = |name: &str, help: &str| {
            let gauge = IntGauge::with_opts(Opts::new(name, help))?;
            registry.register(Box::new(gauge.clone()))?;
            prometheus::Result::Ok(gauge)
        };
        let start_time = Opts::new("process_start_time_seconds", "Time when the process began, in seconds since 1970.");
        let start_time = Gauge::with_opts(start_time)?;
        start_time.set(start().unwrap_or_default());
        registry.register(Box::new(start_time))?;
        let cpu = Counter::with_opts(Opts::new("process_cpu_seconds_total", "Processor time used, in seconds."))?;
        registry.register(Box::new(cpu.clone()))?;
        Ok(Self {
            resident: whole("process_resident_memory_bytes", "Resident memory, in bytes.")?,
            open_files: whole("process_open_fds", "Open file descriptors.")?,
            max_files: whole("process_max_fds", "Limit of open file descriptors.")?,
            threads: whole("process_threads", "Threads.")?,
            memory_used: whole(
                "image_service_memory_used_bytes",
                "Bytes that count towards limits_config.max_total_memory.",
            )?,
            memory_limit: whole(
                "image_service_memory_limit_bytes",
                "The value of limits_config.max_total_memory, in bytes.",
            )?,
            cpu,
        })
    }

    /// Reads the values again.
    pub(super) fn refresh(&self) {
        if let Some(stat) = stat() {
            self.resident.set((stat.resident_pages * page_size() as u64).cast_signed());
            self.threads.set(stat.threads);
            let seconds = stat.cpu_ticks as f64 / clock_ticks_per_second() as f64;
            self.cpu.inc_by((seconds - self.cpu.get()).max(0.0));
        }
        self.memory_used.set(i64::try_from(BUDGET.used()).unwrap_or(i64::MAX));
        self.memory_limit.set(i64::try_from(BUDGET.limit()).unwrap_or(i64::MAX));
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // One of them belongs to this read of the folder.
            self.open_files.set(i64::try_from(files.count()).unwrap_or(i64::MAX) - 1);
        }
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        self.max_files.set(limit.map_or(i64::MAX, |limit| i64::try_from(limit).unwrap_or(i64::MAX)));
    }
}

fn stat() -> Option<Stat> {
    parse(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// Numbers of fields are those of proc(5). The second field is a name in parentheses, which may hold any character.
fn parse(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Stat {
        cpu_ticks: field(14)? + field(15)?,
        threads: field(20)?.cast_signed(),
        start_ticks: field(22)?,
        resident_pages: field(24)?,
    })
}

/// Seconds since 1970.
fn start() -> Option<f64> {
    let boot: f64 =
        fs::read_to_string("/proc/stat").ok()?.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()?;
    Some(boot + stat()?.start_ticks as f64 / clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_an_odd_name_is_read() {
        let text =
            "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 11 22 0 0 20 0 5 0 12345 1000000 321 18446744073709551615 1 1";
        let stat = Stat { cpu_ticks: 33, threads: 5, start_ticks: 12345, resident_pages: 321 };
        assert_eq!(parse(text), Some(stat));
    }

    #[test]
    fn this_process_is_read() {
        assert!(stat().unwrap().resident_pages > 0 && start().unwrap() > 1e9);
    }
}
