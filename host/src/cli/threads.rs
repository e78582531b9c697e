//! The threads that the program needs from the start: a limit that forbids them is an error with its remedy, and no panic of a
//! library that can't go on.

use anyhow::{Result, bail};
use std::sync::mpsc;
use std::thread::{Builder, available_parallelism};

/// Threads besides one for each processor: for the two places of the log, files, time limits of components, and work that blocks.
const OTHERS: usize = 6;

/// Starts as many threads as the program needs, and ends them.
pub(super) fn check() -> Result<()> {
    let needed = available_parallelism().map_or(1, usize::from).saturating_add(OTHERS);
    // They wait until this is dropped.
    let mut gates = Vec::with_capacity(needed);
    let mut threads = Vec::with_capacity(needed);
    let mut failure = None;
    while failure.is_none() && threads.len() < needed {
        let (gate, closed) = mpsc::channel::<()>();
        let thread = Builder::new().name("start".to_owned()).spawn(move || {
            let _ = closed.recv();
        });
        gates.push(gate);
        match thread {
            Ok(thread) => threads.push(thread),
            Err(error) => failure = Some(error),
        }
    }
    drop(gates);
    let started = threads.len();
    threads.into_iter().for_each(|thread| drop(thread.join()));
    if let Some(error) = failure {
        bail!(
            "the system lets this program start only {started} of the {needed} threads that it needs ({error}); raise the limit \
             of processes: `ulimit -u`, TasksMax= of the systemd unit, or the pids limit of the container"
        );
    }
    Ok(())
}
