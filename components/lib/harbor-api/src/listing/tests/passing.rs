//! Failures that pass: the request is sent again before anything is concluded, unless Harbor is down.

use super::*;

const APP: &str = "/projects/p/repositories/app/artifacts";

fn one(fault: Fault, times: usize) -> (FakeHarbor, Collected) {
    let mut fake = FakeHarbor::with(OLD, false, &[("p/app", "sha256:1", 1, &["1"])]);
    fake.faults.insert(APP.into(), (fault, 1));
    fake.failures_left.borrow_mut().insert(APP.into(), times);
    let collected = listed(&fake, 100, 5_000, None);
    (fake, collected)
}

#[test]
fn an_error_of_the_database_is_asked_again_twice() {
    // goharbor/harbor#16631: 500 while PostgreSQL has too many clients.
    for (times, rows) in [(1, 1), (2, 1), (3, 0)] {
        let (fake, collected) = one(Fault::Status(500), times);
        assert_eq!((collected.rows.len(), collected.errors.len()), (rows, 1 - rows), "{times} failures");
        let waits = [Duration::from_millis(100), Duration::from_millis(500)];
        assert_eq!(fake.pauses.borrow()[..], waits[..times.min(2)]);
    }
}

#[test]
fn a_refusal_of_a_login_that_counts_is_asked_again_once() {
    for (times, rows) in [(1, 1), (2, 0)] {
        let (fake, collected) = one(Fault::Status(401), times);
        assert_eq!((collected.rows.len(), collected.errors.len()), (rows, 1 - rows), "{times} failures");
        assert_eq!(fake.pauses.borrow().len(), 1);
    }
}

#[test]
fn other_failures_are_not_asked_again() {
    for status in [403, 404, 422, 503] {
        let (fake, collected) = one(Fault::Status(status), 1);
        assert_eq!((collected.errors.len(), fake.pauses.borrow().len()), (1, 0), "{status}");
    }
}

#[test]
fn a_harbor_that_answers_nothing_but_errors_is_asked_once_for_each_list() {
    let mut fake = FakeHarbor::with(OLD, false, &[]);
    for n in 0..100 {
        fake.push(&format!("p/r{n:02}"), "sha256:1", 1, &["1"]);
        fake.faults.insert(format!("/projects/p/repositories/r{n:02}/artifacts"), (Fault::Status(500), 1));
    }
    let collected = listed(&fake, 100, 5_000, None);
    assert_eq!(collected.errors.len(), 100);
    assert!(fake.pauses.borrow().len() < 50, "{} pauses", fake.pauses.borrow().len());
}

#[test]
fn a_login_that_counted_and_does_not_any_more_is_told_with_both_causes_and_nothing_is_remembered() {
    let fake = sample(None);
    fake.experience.set(crate::api::Experience { login_counted: true, costs: None });
    let collected = listed(&fake, 100, 5_000, None);
    assert!(matches!(&collected.errors[..], [(None, message)] if message.contains("although the login counted")
        && message.contains("password is wrong") && message.contains("database is down")));
    assert!(!fake.experience.get().login_counted);
}
