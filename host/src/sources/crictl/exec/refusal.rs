//! Why crictl failed, from what it or sudo wrote to stderr, and what to do. Nothing else tells sudo's refusals apart.

use super::search_path;
use crate::sources::crictl::error::{Error, ErrorKind};
use image_model::visible;
use std::process::ExitStatus;

/// Most characters of stderr in an error.
const MAX_SHOWN: usize = 300;

/// How sudo refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// It has no rule for this command, or one without NOPASSWD.
    NoRule,
    NoTerminal,
    NoNewPrivileges,
    /// It is not root's, or its file system takes its rights away.
    NotSetuid,
    /// Its rules are a file that others than root may write, or own.
    RulesNotRoots,
    /// crictl is in no folder of `secure_path`.
    CommandNotFound,
}

/// Words of sudo 1.8, 1.9 and sudo-rs, in lower case.
const WORDS: [(&str, Refusal); 16] = [
    ("no new privileges", Refusal::NoNewPrivileges),
    ("must have a tty", Refusal::NoTerminal),
    ("command not found", Refusal::CommandNotFound),
    ("have the setuid bit set", Refusal::NotSetuid),
    ("'nosuid' option", Refusal::NotSetuid),
    // In a container that root does not exist in.
    ("is owned by uid 65534, should be 0", Refusal::NotSetuid),
    (", should be 0", Refusal::RulesNotRoots),
    ("is world writable", Refusal::RulesNotRoots),
    ("password is required", Refusal::NoRule),
    ("terminal is required", Refusal::NoRule),
    ("authentication is required", Refusal::NoRule),
    ("not in the sudoers file", Refusal::NoRule),
    ("not allowed to", Refusal::NoRule),
    ("may not run", Refusal::NoRule),
    ("a password for", Refusal::NoRule),
    ("i'm afraid i can't do that", Refusal::NoRule),
];

/// The error when the command `shown` ended with this status and stderr.
pub(super) fn failed(shown: &str, status: ExitStatus, stderr: &str) -> Error {
    let words: String = stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = visible::excerpt(&words, MAX_SHOWN);
    let said = if said.is_empty() { "it said nothing".to_owned() } else { said };
    let is_sudo = shown.split([' ', '/']).any(|part| part == "sudo");
    let lower = said.to_ascii_lowercase();
    let refusal = WORDS.iter().find(|(words, _)| lower.contains(words)).map(|(_, refusal)| *refusal);
    match refusal.filter(|_| is_sudo) {
        Some(Refusal::CommandNotFound) => {
            Error::new(ErrorKind::Unavailable, format!("`{shown}` failed ({status}: {said})"), not_found())
        }
        Some(refusal) => {
            Error::new(ErrorKind::Denied, format!("`{shown}` is not permitted ({status}: {said})"), refusal.remedy())
        }
        None if lower.contains("permission denied") => Error::new(
            ErrorKind::Denied,
            format!("`{shown}` is not permitted ({status}: {said})"),
            "crictl needs the rights of root or of the group of the runtime's socket; run the program with them, or leave \
             crictl_config.command out, so that it runs crictl through sudo",
        ),
        None => Error::new(ErrorKind::Unavailable, format!("`{shown}` failed ({status}: {said})"), ""),
    }
}

impl Refusal {
    fn remedy(self) -> &'static str {
        match self {
            Self::NoRule | Self::CommandNotFound => {
                "allow /usr/bin/crictl images in sudoers with NOPASSWD for this program's user, or set crictl_config.endpoint to \
                 the runtime's socket"
            }
            Self::NoTerminal => {
                "sudoers asks for a terminal: add `Defaults:USER !requiretty` with this program's user, or set \
                 crictl_config.endpoint to the runtime's socket"
            }
            Self::NoNewPrivileges => {
                "its unit or container forbids new privileges: install deploy/systemd/exec-mode.conf (Kubernetes: \
                 allowPrivilegeEscalation), or better let its user open the runtime's socket"
            }
            Self::RulesNotRoots => {
                "sudo reads only rules of root: as root, `chown root:root` and `chmod 0440` the file that it names, and try \
                 `visudo -c`"
            }
            Self::NotSetuid => {
                "sudo has no rights of root here, as in a container or on a file system with nosuid; let this program's user open \
                 the runtime's socket"
            }
        }
    }
}

/// sudo looks for programs in its own folders only.
fn not_found() -> String {
    match search_path::crictl() {
        Some(path) => format!(
            "sudo looks only into the folders of secure_path in sudoers, and crictl is {path}: add that folder there, or set \
             crictl_config.command to [\"sudo\", \"-n\", \"{path}\", \"images\"] and allow that in sudoers",
            path = path.display()
        ),
        None => "install crictl (cri-tools), or set crictl_config.endpoint to the runtime's socket".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    fn said(shown: &str, stderr: &str) -> (ErrorKind, String) {
        let error = failed(shown, ExitStatus::from_raw(256), stderr);
        (error.kind(), error.to_string())
    }

    #[test]
    fn each_refusal_of_sudo_has_its_remedy() {
        for (stderr, remedy) in [
            ("sudo: a password is required", "with NOPASSWD"),
            ("sudo: a terminal is required to read the password; either use the -S option", "with NOPASSWD"),
            (
                "Sorry, user app is not allowed to execute '/usr/bin/crictl images -o json' as root on n1.",
                "with NOPASSWD",
            ),
            ("app is not in the sudoers file.\nThis incident has been reported to the administrator.", "with NOPASSWD"),
            ("Sorry, user app may not run sudo on n1.", "with NOPASSWD"),
            ("sudo: interactive authentication is required", "with NOPASSWD"),
            ("sudo: I'm sorry app. I'm afraid I can't do that", "with NOPASSWD"),
            ("sudo: sorry, you must have a tty to run sudo", "!requiretty"),
            (
                "sudo: The \"no new privileges\" flag is set, which prevents sudo from running as root.",
                "exec-mode.conf",
            ),
            ("sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set", "no rights of root"),
            (
                "sudo: effective uid is not 0, is /usr/bin/sudo on a file system with the 'nosuid' option set",
                "no rights of",
            ),
            ("sudo: /etc/sudo.conf is owned by uid 65534, should be 0", "no rights of root"),
            ("sudo: /etc/sudoers is owned by uid 1000, should be 0", "chown root:root"),
            ("sudo: /etc/sudoers.d/app is world writable", "chmod 0440"),
        ] {
            let (kind, error) = said("sudo -n crictl images", stderr);
            assert_eq!(kind, ErrorKind::Denied, "{error}");
            assert!(error.contains("is not permitted (exit status: 1: ") && error.contains(remedy), "{error}");
        }
        let (kind, error) = said("sudo -n crictl images", "sudo: crictl: command not found");
        assert_eq!(kind, ErrorKind::Unavailable, "{error}");
        assert!(error.contains("secure_path") || error.contains("install crictl (cri-tools)"), "{error}");
    }

    #[test]
    fn what_debians_sudo_says_is_known_as_the_refusal_that_it_is() {
        // Recorded by tests/fixtures/sudo-refuses.sh.
        let recorded = include_str!("testdata/sudo-1.9.13p3.txt");
        let cases: Vec<(&str, &str)> = recorded.split("== ").filter_map(|case| case.split_once('\n')).collect();
        let remedies = [
            ("no rule", "with NOPASSWD"),
            ("no rule and no password wanted", "with NOPASSWD"),
            ("a rule for another command", "with NOPASSWD"),
            ("a rule without NOPASSWD", "with NOPASSWD"),
            ("requiretty", "!requiretty"),
            ("no new privileges", "forbids new privileges"),
            ("not setuid", "has no rights of root here"),
            ("not in secure_path", ""),
        ];
        assert_eq!(cases.len(), remedies.len() + 1, "and one in which it does not refuse");
        for ((case, stderr), (expected, remedy)) in cases.into_iter().zip(remedies) {
            let (kind, error) = said("sudo -n crictl images", stderr);
            let expected_kind = if remedy.is_empty() { ErrorKind::Unavailable } else { ErrorKind::Denied };
            assert_eq!((case, kind), (expected, expected_kind), "{error}");
            assert!(error.contains(remedy) && error.contains("; "), "{error}");
        }
    }

    #[test]
    fn a_closed_socket_is_not_taken_for_a_refusal_of_sudo() {
        let stderr = "FATA[0000] dial unix /run/containerd/containerd.sock: connect: permission denied";
        let (kind, error) = said("crictl images", stderr);
        assert_eq!(kind, ErrorKind::Denied);
        assert!(error.contains("the group of the runtime's socket") && !error.contains("NOPASSWD"), "{error}");
    }

    #[test]
    fn a_failing_crictl_is_quoted_on_one_line() {
        let (kind, error) = said("crictl images", "FATA[0000]\n\tno\u{1b} runtime\n");
        assert_eq!(
            (kind, error.as_str()),
            (ErrorKind::Unavailable, "`crictl images` failed (exit status: 1: FATA[0000] no\\u{1b} runtime)")
        );
        assert!(said("crictl images", "").1.contains("it said nothing"));
    }
}
