//! Where a program is, and why it can't be started: what the folders of `PATH` have of that name.

use crate::sources::crictl::error::{Error, ErrorKind};
use rustix::fs::{Access, access};
use std::io;
use std::path::{Path, PathBuf};

/// The error when `program` can't be started. The system says "permission denied" also where it only could not look into a folder
/// of `PATH`.
pub(super) fn cannot_start(shown: &str, program: &str, error: &io::Error) -> Error {
    let failed = |kind, why: String, remedy: &str| Error::new(kind, format!("`{shown}` can't be run: {why}"), remedy);
    if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) {
        return failed(ErrorKind::Unavailable, error.to_string(), "");
    }
    let Found { file, closed } = find(program, &folders());
    match file {
        Some(file) if access(&file, Access::EXEC_OK).is_err() => failed(
            ErrorKind::Denied,
            format!("{} may not be executed by this user", file.display()),
            "change its mode, or set crictl_config.command",
        ),
        Some(file) => failed(
            ErrorKind::Unavailable,
            format!("{} is there, but its interpreter or its loader is not ({error})", file.display()),
            "install it anew, or set crictl_config.command",
        ),
        None => {
            let closed: Vec<String> = closed.iter().map(|folder| folder.display().to_string()).collect();
            let beside = if closed.is_empty() {
                String::new()
            } else {
                format!(" in the folders of PATH that this user may read; it may not read {}", closed.join(", "))
            };
            failed(
                ErrorKind::Unavailable,
                format!("{program} is not installed{beside}"),
                "install it, set crictl_config.command, or set crictl_config.endpoint to the runtime's socket",
            )
        }
    }
}

/// The file that the system would run under this name; `None` where there is none that may be executed.
pub(super) fn executable(program: &str) -> Option<PathBuf> {
    find(program, &folders()).file.filter(|file| access(file, Access::EXEC_OK).is_ok())
}

/// The folders in which the system looks for programs.
fn folders() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

/// Where crictl is, as this program sees it: in its `PATH`, or where distributions of Kubernetes put it.
pub(super) fn crictl() -> Option<PathBuf> {
    const USUAL: [&str; 5] = ["/usr/local/bin", "/usr/bin", "/opt/bin", "/var/lib/rancher/rke2/bin", "/usr/local/sbin"];
    find("crictl", &[folders(), USUAL.iter().map(PathBuf::from).collect()].concat()).file
}

struct Found {
    /// The first that may be executed, else the first.
    file: Option<PathBuf>,
    /// Folders that this user may not look into.
    closed: Vec<PathBuf>,
}

fn find(program: &str, folders: &[PathBuf]) -> Found {
    let candidates: Vec<PathBuf> = if program.contains('/') {
        vec![PathBuf::from(program)]
    } else {
        folders.iter().map(|folder| folder.join(program)).collect()
    };
    let (mut files, mut closed) = (Vec::new(), Vec::new());
    for candidate in candidates {
        match std::fs::metadata(&candidate) {
            Ok(metadata) if metadata.is_file() => files.push(candidate),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                closed.extend(candidate.parent().map(Path::to_owned));
            }
            _ => {}
        }
    }
    let executable = files.iter().position(|file| access(file, Access::EXEC_OK).is_ok());
    let file = (!files.is_empty()).then(|| files.swap_remove(executable.unwrap_or_default()));
    Found { file, closed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_file_that_may_be_executed_is_found() {
        let folders: Vec<tempfile::TempDir> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
        let paths: Vec<PathBuf> = folders.iter().map(|folder| folder.path().to_owned()).collect();
        assert!(find("crictl", &paths).file.is_none());
        std::fs::write(paths[1].join("crictl"), "").unwrap();
        assert_eq!(find("crictl", &paths).file, Some(paths[1].join("crictl")));
        std::fs::write(paths[2].join("crictl"), "").unwrap();
        std::fs::set_permissions(paths[2].join("crictl"), PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(find("crictl", &paths).file, Some(paths[2].join("crictl")));
    }

    #[test]
    fn a_program_without_its_interpreter_is_told_from_a_missing_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crictl");
        std::fs::write(&path, "#!/nonexistent/sh\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        let error = cannot_start("crictl images", path.to_str().unwrap(), &io::ErrorKind::NotFound.into());
        assert!(error.to_string().contains("is there, but its interpreter or its loader is not"), "{error}");
    }
}
