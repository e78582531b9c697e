//! The memory that the system allows the program: the least limit of its cgroup and of those around it, version 1 or 2
//! (cgroups(7)). The system kills a program that goes beyond it.

use std::fs;
use std::path::{Path, PathBuf};

/// A limit from here on is none: version 1 writes the largest number of pages where nothing is set.
const NO_LIMIT: u64 = 1 << 60;

/// The limit in bytes; `None` where there is none.
pub fn memory_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    limit_of(&groups, Path::new("/sys/fs/cgroup"))
}

/// The limit of the cgroups that `/proc/self/cgroup` names, below the folder where they are mounted.
fn limit_of(groups: &str, mounted: &Path) -> Option<u64> {
    groups.lines().flat_map(|line| limits(line, mounted)).filter(|limit| *limit < NO_LIMIT).min()
}

/// The limits of the cgroup of one line, and of those around it.
fn limits(line: &str, mounted: &Path) -> Vec<u64> {
    let mut fields = line.splitn(3, ':');
    let (Some(_), Some(controllers), Some(group)) = (fields.next(), fields.next(), fields.next()) else {
        return Vec::new();
    };
    let (folder, file): (PathBuf, _) = match controllers {
        "" => (mounted.to_owned(), "memory.max"),
        all if all.split(',').any(|controller| controller == "memory") => {
            (mounted.join("memory"), "memory.limit_in_bytes")
        }
        _ => return Vec::new(),
    };
    // A container sees its own cgroup where the others are mounted, whatever the line says.
    let around = Path::new(group.trim_start_matches('/')).ancestors();
    around.filter_map(|group| fs::read_to_string(folder.join(group).join(file)).ok()?.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limit of a process in these groups, where these files are mounted.
    fn limit(groups: &str, files: &[(&str, &str)]) -> Option<u64> {
        let mounted = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = mounted.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        limit_of(groups, mounted.path())
    }

    #[test]
    fn the_least_limit_of_a_group_and_of_those_around_it_counts() {
        let files = [
            ("system.slice/image-service.service/memory.max", "max\n"),
            ("system.slice/memory.max", "268435456\n"),
            ("memory.max", "536870912\n"),
        ];
        assert_eq!(limit("0::/system.slice/image-service.service\n", &files), Some(268_435_456));
    }

    #[test]
    fn version_1_has_its_own_folder_and_word_for_no_limit() {
        let files = [
            ("memory/kubepods/pod1/memory.limit_in_bytes", "134217728\n"),
            ("memory/kubepods/memory.limit_in_bytes", "9223372036854771712\n"),
        ];
        let groups = "5:cpu,cpuacct:/kubepods/pod1\n4:memory:/kubepods/pod1\n0::/\n";
        assert_eq!(limit(groups, &files), Some(134_217_728));
        assert_eq!(limit("4:memory:/kubepods\n", &files), None);
    }

    #[test]
    fn a_container_that_does_not_see_its_group_by_name_has_the_mounted_one() {
        assert_eq!(limit("0::/docker/0123\n", &[("memory.max", "1000000\n")]), Some(1_000_000));
        assert_eq!(limit("0::/\n", &[]), None);
        assert_eq!(limit("nonsense\n\n", &[("memory.max", "1\n")]), None);
    }
}
