//! A cgroup with a limit of memory, where the system lets the tests make one (cgroups(7)).

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A cgroup below that of the tests. It goes away when this is dropped and no process is in it any more.
#[derive(Debug)]
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// A group whose processes are killed beyond so many bytes.
    ///
    /// # Errors
    ///
    /// When the system does not let this user make one.
    pub fn of_memory(bytes: u64) -> Result<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let groups = fs::read_to_string("/proc/self/cgroup")?;
        let group =
            |controller: &str| groups.lines().find_map(|line| line.split_once(controller).map(|(_, group)| group));
        let (around, file) = match group(":memory:") {
            Some(group) => (Path::new("/sys/fs/cgroup/memory").join(&group[1..]), "memory.limit_in_bytes"),
            None => (Path::new("/sys/fs/cgroup").join(&group("0::").context("no cgroup")?[1..]), "memory.max"),
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = around.join(format!("image-service-test-{}-{number}", std::process::id()));
        fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        let cgroup = Self(folder);
        fs::write(cgroup.0.join(file), bytes.to_string())
            .with_context(|| format!("{file} of {}", cgroup.0.display()))?;
        Ok(cgroup)
    }

    /// The file to which a process writes its id to join.
    pub(crate) fn processes(&self) -> PathBuf {
        self.0.join("cgroup.procs")
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A process that was killed takes a moment to leave.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}
