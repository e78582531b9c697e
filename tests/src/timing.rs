//! The time that each test takes, in the file `target/e2e-times`, one line a test: seconds and the test's name. `cargo xtask
//! test` names the slowest ten at its end; libtest tells times on nightly only.

use crate::artifacts::target;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::OnceLock;
use std::time::Instant;

/// Written by all tests of a process, emptied by the first.
static TIMES: OnceLock<Option<File>> = OnceLock::new();

thread_local! {
    /// libtest runs each test on a thread of its own, which has the test's name and ends with it.
    static TEST: Option<Running> = Running::test();
}

/// A test under way. Its end is when its thread drops this.
struct Running {
    name: String,
    begun: Instant,
}

impl Running {
    fn test() -> Option<Self> {
        let thread = std::thread::current();
        let name = thread.name().filter(|name| name.contains("::"))?.to_owned();
        Some(Self { name, begun: Instant::now() })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let open = || OpenOptions::new().create(true).write(true).truncate(true).open(target().join("e2e-times")).ok();
        if let Some(mut times) = TIMES.get_or_init(open).as_ref() {
            let _ = times.write_all(format!("{:8.2} {}\n", self.begun.elapsed().as_secs_f64(), self.name).as_bytes());
        }
    }
}

/// Measures the test that runs on this thread from now on. All stand-ins and the program call it; a test without any of
/// them may.
pub fn measure_this_test() {
    TEST.with(|_| ());
}
