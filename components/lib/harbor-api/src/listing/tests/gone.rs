//! Repositories that are deleted while they are listed, and those that only look so.

use super::*;

const APP: &str = "/projects/p/repositories/app/artifacts";
const REPOSITORIES: &str = "/projects/p/repositories";
const ITSELF: &str = "/projects/p/repositories/app";

/// Two repositories, one of two artifacts.
fn two(version: Option<&'static str>) -> FakeHarbor {
    let artifacts: [(&str, &str, u64, &[&str]); 3] =
        [("p/app", "sha256:1", 1, &["1"]), ("p/app", "sha256:2", 2, &["2"]), ("p/lib", "sha256:3", 3, &["3"])];
    FakeHarbor::with(version, false, &artifacts)
}

/// Changes the repositories of the project at the first request for the artifacts of one.
fn meanwhile(fake: &mut FakeHarbor, change: impl Fn(&FakeHarbor) + 'static) {
    let done = Cell::new(false);
    fake.meanwhile = Some(Box::new(move |fake, _, path| {
        if path.contains("/artifacts") && !done.replace(true) {
            change(fake);
        }
    }));
}

fn forget_in(fake: &FakeHarbor, path: &str) {
    fake.lists.borrow_mut().get_mut(path).unwrap().retain(|row| row["name"] != "p/app");
}

#[test]
fn a_repository_that_is_deleted_before_or_while_it_is_read_is_no_failure_and_has_no_rows() {
    for (page, buffered_rows) in [(1, 5_000), (2, 5_000), (1, 0)] {
        let mut fake = two(OLD);
        fake.faults.insert(APP.to_owned(), (Fault::Status(404), page));
        meanwhile(&mut fake, |fake| forget_in(fake, REPOSITORIES));
        let collected = listed(&fake, 1, buffered_rows, Some("p"));
        assert_eq!((collected.rows, collected.errors), (vec!["p/lib:3".to_owned()], vec![]), "page {page}");
        let itself = fake.asked.borrow().iter().filter(|path| *path == ITSELF).count();
        assert_eq!(itself, 1, "{:?}", fake.asked.borrow());
    }
}

#[test]
fn a_repository_that_is_not_found_and_is_there_still_is_a_failure() {
    // As behind a proxy that knows none of these paths: Harbor lists the repository.
    let mut fake = two(OLD);
    fake.faults.insert(APP.to_owned(), (Fault::Status(404), 1));
    let told = |collected: Collected| {
        assert_eq!(collected.rows, ["p/lib:3"]);
        assert_only_error(&collected, "p/app", &["404"]);
    };
    told(listed(&fake, 100, 5_000, None));
    // Harbor has it, whatever its lists say.
    fake.objects.borrow_mut().insert(ITSELF.to_owned(), json!({"name": "p/app", "artifact_count": 2}));
    meanwhile(&mut fake, |fake| forget_in(fake, REPOSITORIES));
    told(listed(&fake, 100, 5_000, None));
}

#[test]
fn where_everything_is_404_from_some_moment_on_nothing_is_taken_for_deleted() {
    let mut fake = two(OLD);
    fake.faults.insert(APP.to_owned(), (Fault::Status(404), 1));
    meanwhile(&mut fake, |fake| drop(fake.lists.borrow_mut().remove(REPOSITORIES)));
    let errors = listed(&fake, 100, 5_000, None).errors;
    assert!(matches!(&errors[..], [(Some(name), _)] if name == "p/app"), "{errors:?}");
}

/// A repository of which a page came thin, and which the list of its project does not name at the end.
fn thin(itself: Option<Value>, fault: Option<Fault>) -> Vec<(Option<String>, String)> {
    let mut fake = two(OLD);
    fake.lacks = Some(Box::new(|row| row["digest"] == "sha256:1"));
    fake.without_total = true;
    meanwhile(&mut fake, |fake| forget_in(fake, REPOSITORIES));
    fake.objects.borrow_mut().extend(itself.map(|itself| (ITSELF.to_owned(), itself)));
    fake.faults.extend(fault.map(|fault| (ITSELF.to_owned(), (fault, 1))));
    let collected = listed(&fake, 100, 5_000, None);
    assert_eq!(fake.asked.borrow().iter().filter(|path| *path == ITSELF).count(), 1);
    collected.errors
}

#[test]
fn a_repository_that_a_short_list_does_not_name_is_gone_only_if_harbor_says_so_of_itself() {
    let there = json!({"name": "p/app", "artifact_count": 2});
    for (itself, fault, told) in [
        (None, None, None),
        (Some(json!({"name": "p/app", "artifact_count": 1})), None, None),
        (Some(there.clone()), None, Some("counts 2 artifacts")),
        (Some(json!({"name": "p/app"})), None, Some("counts more artifacts")),
        (Some(json!({"name": "p/lib", "artifact_count": 1})), None, Some("p/lib")),
        (Some(there.clone()), Some(Fault::Status(502)), Some("502")),
        // The user may read lists only, and that of its artifacts has some.
        (Some(there), Some(Fault::Status(403)), Some("counts more artifacts")),
    ] {
        let errors = thin(itself, fault);
        let is_told = |(name, message): &(Option<String>, String)| {
            name.as_deref() == Some("p/app") && told.is_some_and(|told| message.contains(told))
        };
        assert_eq!(errors.len(), usize::from(told.is_some()), "{errors:?}");
        assert!(errors.iter().all(is_told), "{told:?}: {errors:?}");
    }
}

#[test]
fn a_deleted_repository_is_no_failure_to_a_user_who_may_read_lists_only() {
    let mut fake = two(OLD);
    fake.faults.insert(ITSELF.to_owned(), (Fault::Status(403), 1));
    fake.meanwhile = Some(Box::new(|fake, _, path| {
        if path == REPOSITORIES {
            // Harbor lists no artifacts of a repository that it does not have (goharbor/harbor#17443).
            fake.lists.borrow_mut().get_mut(APP).unwrap().clear();
            forget_in(fake, REPOSITORIES);
        }
    }));
    let collected = listed(&fake, 100, 5_000, None);
    assert_eq!((collected.rows, collected.errors), (vec!["p/lib:3".to_owned()], vec![]));
}
