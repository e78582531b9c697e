//! Debian's real sudo refuses the program, in a mount namespace in which nothing of this machine changes. It takes root.

use crate::listing::assert_says;
use image_service_tests::{artifacts, command, fixture, leave_out, sudo};
use std::collections::BTreeMap;
use std::process::Command;

/// What `image-service list` says as a user whom sudo refuses, by the way in which it does; `None` where that can't be tried, which is
/// said on stderr.
async fn said() -> Option<BTreeMap<String, String>> {
    if !rustix::process::geteuid().is_root() {
        leave_out("only root can let sudo refuse somebody else");
        return None;
    }
    let package = sudo().unwrap()?;
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation", "private", "sh"]).arg(fixture("sudo-refuses.sh")).arg(package);
    unshare
        .args(["image-service", "list"])
        .env("PROGRAM", artifacts::program())
        .env("IMAGE_SERVICE_CRICTL_CONFIG_MODE", "exec");
    let outcome = command::run_command(unshare).await.unwrap();
    let cases: BTreeMap<_, _> = outcome
        .stdout
        .split("== ")
        .filter_map(|case| case.split_once('\n'))
        .map(|(case, said)| (case.to_owned(), said.to_owned()))
        .collect();
    if cases.is_empty() {
        leave_out(&format!("no sudo of one's own here: {}", outcome.stderr.trim()));
        return None;
    }
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    Some(cases)
}

#[tokio::test]
async fn each_refusal_of_the_real_sudo_is_told_with_its_remedy() {
    let Some(said) = said().await else { return };
    for (case, parts) in [
        ("no rule", &["is not permitted", "a password is required", "in sudoers with NOPASSWD"][..]),
        ("no rule and no password wanted", &["not in the sudoers file", "in sudoers with NOPASSWD"]),
        ("a rule for another command", &["not allowed to execute", "in sudoers with NOPASSWD"]),
        ("a rule without NOPASSWD", &["a password is required", "in sudoers with NOPASSWD"]),
        ("requiretty", &["must have a tty", "!requiretty"]),
        ("no new privileges", &["\"no new privileges\" flag is set", "install deploy/systemd/exec-mode.conf"]),
        ("not setuid", &["have the setuid bit set", "no rights of root here"]),
        ("not in secure_path", &["command not found", "secure_path in sudoers, and crictl is /usr/tools/crictl"]),
    ] {
        assert_says(said.get(case).map_or("nothing", String::as_str), parts);
    }
}

#[tokio::test]
async fn under_the_documented_rule_the_real_sudo_runs_crictl() {
    let Some(said) = said().await else { return };
    let said = &said["the documented rule"];
    assert!(!said.contains("sudo") && !said.contains("crictl"), "{said}");
}
