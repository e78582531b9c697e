//! What the login may read: all of it, nothing but what is public, or one project.

use super::*;

const PRIVATE: &str = "/projects/a/repositories";

#[test]
fn a_public_harbor_is_listed_without_a_login_and_without_a_failure() {
    let mut fake = sample(None);
    fake.anonymous_by_choice = true;
    let collected = listed(&fake, 100, 5_000, None);
    assert_eq!((collected.rows, collected.errors), (SAMPLE.map(str::to_owned).to_vec(), vec![]));
}

#[test]
fn what_a_refused_login_may_not_read_is_no_failure_of_its_own() {
    for status in [401, 403] {
        let mut fake = sample(None);
        fake.lists.borrow_mut().remove("/repositories");
        fake.faults.insert(PRIVATE.into(), (Fault::Status(status), 1));
        let collected = listed(&fake, 100, 5_000, None);
        assert_eq!(collected.rows, ["a-b/app:1", "b/app:1"]);
        assert!(matches!(&collected.errors[..], [(None, message)] if message.contains("refused the login")));
    }
    // Other failures are.
    let mut fake = sample(None);
    fake.lists.borrow_mut().remove("/repositories");
    fake.faults.insert(PRIVATE.into(), (Fault::Status(503), 1));
    assert_eq!(listed(&fake, 100, 5_000, None).errors.len(), 2);
}

#[test]
fn a_login_that_may_not_list_projects_is_told_to_name_its_own() {
    let mut fake = sample(OLD);
    fake.faults.insert("/projects".into(), (Fault::Status(403), 1));
    let errors = listed(&fake, 100, 5_000, None).errors;
    assert!(matches!(&errors[..], [(None, message)] if message.contains("name that project (harbor-project)")));
}

#[test]
fn a_project_that_is_not_there_is_told_with_the_names_of_others() {
    let message = |fake: &FakeHarbor| listed(fake, 100, 5_000, Some("nowhere")).errors.remove(0).1;
    assert!(message(&sample(NEW)).ends_with("; harbor-project can be a, a-b, b"));
    let many = sample(NEW);
    (0..20).for_each(|number| many.push(&format!("p{number:02}/app"), "sha256:1", 1, &["1"]));
    assert!(message(&many).ends_with("p05, p06 and 13 more"), "{}", message(&many));
    let mut silent = sample(NEW);
    silent.faults.insert("/projects".into(), (Fault::Status(403), 1));
    assert!(message(&silent).ends_with("check the Harbor URL and the project's name"));
    // Of a project that Harbor itself lists, the name is right.
    let mut denied = sample(OLD);
    denied.lists.borrow_mut().remove("/repositories");
    denied.faults.insert(PRIVATE.into(), (Fault::Status(403), 1));
    assert!(!listed(&denied, 100, 5_000, None).errors[0].1.contains("harbor-project"));
}
