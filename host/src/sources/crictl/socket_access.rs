//! Words about a socket that this program may not open: whose it is, and what lets the program in.

use super::error::{Error, ErrorKind};
use image_service_config::regular_file::{self, MAX_TEXT};
use rustix::process::{getegid, geteuid, getgroups};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The rights of the user, the group and others to write, as bits of a mode. Connecting to a socket takes them.
const WRITE: [u32; 3] = [0o200, 0o020, 0o002];
/// The rights to enter a folder.
const ENTER: [u32; 3] = [0o100, 0o010, 0o001];

/// The error about this socket, which the system refused to open.
pub(super) async fn refused(path: &Path) -> Error {
    let path = path.to_owned();
    let explained = tokio::task::spawn_blocking(move || explain(&path, &Caller::present())).await;
    explained.unwrap_or_else(|error| Error::new(ErrorKind::Internal, error.to_string(), ""))
}

/// The user and the groups of this program.
struct Caller {
    user: u32,
    groups: Vec<u32>,
}

impl Caller {
    fn present() -> Self {
        let mut groups: Vec<u32> =
            getgroups().unwrap_or_default().into_iter().map(rustix::process::Gid::as_raw).collect();
        groups.push(getegid().as_raw());
        Self { user: geteuid().as_raw(), groups }
    }

    /// Whether the mode gives one of these rights.
    fn may(&self, file: &Metadata, [user, group, others]: [u32; 3]) -> bool {
        let right = if file.uid() == self.user {
            user
        } else if self.groups.contains(&file.gid()) {
            group
        } else {
            others
        };
        file.mode() & right != 0
    }
}

fn explain(path: &Path, caller: &Caller) -> Error {
    let program = format!("this program, which runs as {}", user(caller.user));
    let socket = path.display();
    let (what, metadata, rights) = match closed_folder(path, caller) {
        Some((folder, metadata)) => (format!("its folder {}", folder.display()), metadata, ENTER),
        None => match std::fs::metadata(path) {
            Ok(metadata) => ("it".to_owned(), metadata, WRITE),
            Err(error) => {
                let cause = format!("the socket {socket} may not be opened by {program} ({error})");
                return Error::new(ErrorKind::Denied, cause, "run it as a user who may");
            }
        },
    };
    let (owner, group, mode) = (user(metadata.uid()), group(metadata.gid()), metadata.mode() & 0o7777);
    let cause = format!(
        "the socket {socket} may not be opened by {program} (permission denied): {what} belongs to {owner}:{group} with mode \
         {mode:04o}"
    );
    let remedy = if caller.may(&metadata, rights) {
        "the mode allows it, so a policy such as SELinux's or AppArmor's refuses; see the audit log".to_owned()
    } else if metadata.mode() & rights[1] != 0 && metadata.gid() != 0 {
        format!(
            "add this program's user to the group {group} (systemd: SupplementaryGroups={group}), and restart the program"
        )
    } else {
        format!(
            "only {owner} may; have the runtime give it to a group (containerd: gid in [grpc] of its config.toml) and add this \
             program's user to that group, or run the program as {owner}"
        )
    };
    Error::new(ErrorKind::Denied, cause, remedy)
}

/// The outermost folder of the path that the caller may not enter.
fn closed_folder(path: &Path, caller: &Caller) -> Option<(PathBuf, Metadata)> {
    let mut folders: Vec<&Path> = path.ancestors().skip(1).collect();
    folders.reverse();
    folders.into_iter().find_map(|folder| {
        let metadata = std::fs::metadata(folder).ok()?;
        (!caller.may(&metadata, ENTER) && caller.user != 0).then(|| (folder.to_owned(), metadata))
    })
}

fn user(id: u32) -> String {
    name("/etc/passwd", id)
}

fn group(id: u32) -> String {
    name("/etc/group", id)
}

/// The name with this number in a file of users or groups. A directory server may know more than the file; then the number stands
/// for itself.
fn name(file: &str, id: u32) -> String {
    let text = regular_file::read_text(Path::new(file), MAX_TEXT).unwrap_or_default();
    let named = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// The explanation to a stranger whose groups are these, about a file with this mode in a folder with that one.
    fn explained(file: u32, folder: u32, groups: impl Fn(&Metadata) -> Vec<u32>) -> (String, String) {
        let folder_path = tempfile::tempdir().unwrap();
        let path = folder_path.path().join("runtime.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let chmod = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        chmod(&path, file);
        let metadata = std::fs::metadata(&path).unwrap();
        chmod(folder_path.path(), folder);
        let caller = Caller { user: metadata.uid().wrapping_add(1), groups: groups(&metadata) };
        let error = explain(&path, &caller).to_string();
        chmod(folder_path.path(), 0o700);
        (error, group(metadata.gid()))
    }

    #[test]
    fn a_refused_socket_says_whose_it_is() {
        let (error, group) = explained(0o600, 0o755, |_| Vec::new());
        assert!(error.contains(&format!(":{group} with mode 0600; only ")), "{error}");
        assert!(error.contains("gid in [grpc] of its config.toml"), "{error}");
    }

    #[test]
    fn a_mode_that_allows_it_points_to_the_policy() {
        let (error, _) = explained(0o660, 0o755, |socket| vec![socket.gid()]);
        assert!(error.contains("the mode allows it, so a policy such as SELinux's"), "{error}");
    }

    #[test]
    fn a_closed_folder_is_named_in_place_of_the_socket() {
        let (error, _) = explained(0o666, 0o700, |_| Vec::new());
        assert!(error.contains(": its folder /") && error.contains("with mode 0700"), "{error}");
    }

    #[test]
    fn names_are_those_of_the_system_and_unknown_numbers_stand_for_themselves() {
        assert_eq!((user(0), group(0)), ("root".to_owned(), "root".to_owned()));
        assert_eq!(user(4_000_000_001), "4000000001");
    }
}
