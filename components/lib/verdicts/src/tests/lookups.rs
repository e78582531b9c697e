//! Single artifacts that the registry is asked for, where its listing was not complete.

use super::world::*;
use crate::{Inventory, Question, Verdict};
use image_model::types::*;
use std::collections::HashSet;

fn question(repository: &str, reference: &str) -> Question {
    let (project, name) = repository.split_once('/').unwrap();
    Question { project: project.to_owned(), repository: name.to_owned(), reference: reference.to_owned() }
}

fn world(repository_name: &str, artifacts: Vec<Artifact>) -> World {
    let repositories = if artifacts.is_empty() { vec![] } else { vec![repository(repository_name, artifacts)] };
    World::new(vec![node("n", vec![pulled("i", &format!("h.example/{repository_name}"), "1", "1")])], repositories)
}

/// Answers all questions so; gives the questions and the last verdict.
fn ask(mut inventory: Inventory, answer: impl Fn(&str) -> crate::Answer) -> (Vec<String>, Vec<&'static str>) {
    let (mut asked, mut references) = (HashSet::new(), Vec::new());
    loop {
        let questions = inventory.open_questions(10, &asked);
        if questions.is_empty() {
            return (references, verdicts(&inventory));
        }
        references.extend(questions.iter().map(|question| question.reference.clone()));
        let answers = questions.into_iter().map(|question| (question.clone(), answer(&question.reference))).collect();
        inventory.answer(answers, &mut asked);
    }
}

fn failure() -> crate::Answer {
    Err(Failure::of_source(FailureCode::Denied, "403".to_owned()))
}

#[test]
fn a_tag_and_a_digest_that_the_registry_itself_does_not_have_are_missing() {
    let told = ask(world("part/app", vec![]).inventory(), |_| Ok(None));
    assert_eq!(told, (vec!["1".to_owned(), digest("1")], vec!["missing"]));
}

#[test]
fn a_tag_that_is_found_settles_it_at_once() {
    let told = ask(world("part/app", vec![]).inventory(), |_| Ok(Some(artifact("1", &["1"], &[]))));
    assert_eq!(told, (vec!["1".to_owned()], vec!["in_sync"]));
    let told = ask(world("part/app", vec![]).inventory(), |_| Ok(Some(artifact("2", &["1"], &[]))));
    assert_eq!(told, (vec!["1".to_owned()], vec!["drifted"]));
}

#[test]
fn a_digest_without_its_tag_is_untagged() {
    let found = |reference: &str| Ok((reference == digest("1")).then(|| artifact("1", &[], &[])));
    assert_eq!(ask(world("part/app", vec![]).inventory(), found).1, ["untagged"]);
}

#[test]
fn a_repository_that_failed_is_asked_for_single_artifacts() {
    let failed = world("team/app", vec![artifact("1", &["2"], &[])]).fail(FailureCode::TimedOut, Some("team/app"));
    assert_eq!(ask(failed.inventory(), |_| Ok(None)), (vec!["1".to_owned()], vec!["untagged"]));
}

#[test]
fn a_failure_is_no_answer_and_is_not_asked_for_again() {
    let told = ask(world("part/app", vec![]).inventory(), |_| failure());
    assert_eq!(told, (vec!["1".to_owned(), digest("1")], vec!["unknown"]));
    let half = |reference: &str| if reference == "1" { failure() } else { Ok(None) };
    assert_eq!(ask(world("part/app", vec![]).inventory(), half).1, ["unknown"]);
}

#[test]
fn a_proxy_cache_is_asked_for_the_digest_only() {
    let incomplete = || {
        let mut world = world("hub/app", vec![]);
        world.end.projects.iter_mut().for_each(|project| project.complete = false);
        world.inventory()
    };
    assert_eq!(verdicts(&incomplete()), ["unknown"]);
    assert_eq!(ask(incomplete(), |_| Ok(None)), (vec![digest("1")], vec!["proxied"]));
    assert_eq!(ask(incomplete(), |_| Ok(Some(artifact("1", &[], &[])))).1, ["in_sync"]);
}

#[test]
fn what_is_settled_or_can_not_be_settled_has_no_question() {
    for name in ["team/app", "secret/app"] {
        assert!(world(name, vec![]).inventory().open_questions(10, &HashSet::new()).is_empty());
    }
    let mut refused = world("part/app", vec![]);
    refused.end.registry.as_mut().unwrap().login_counts = false;
    assert!(refused.inventory().open_questions(10, &HashSet::new()).is_empty());
    assert!(world("part/app", vec![]).inventory().open_questions(0, &HashSet::new()).is_empty());
    assert_eq!(world("part/app", vec![]).inventory().open_questions(10, &HashSet::new()), [question("part/app", "1")]);
}

#[test]
fn what_was_found_is_no_row_of_its_own() {
    let mut inventory = world("part/app", vec![]).inventory();
    let questions = inventory.open_questions(10, &HashSet::new());
    let answers = questions.into_iter().map(|question| (question, Ok(Some(artifact("2", &["1"], &[]))))).collect();
    inventory.answer(answers, &mut HashSet::new());
    assert_eq!(inventory.rows(), 1);
    assert_eq!(row(&inventory).verdicts(), Verdict::Drifted.into());
    assert_eq!(row(&inventory).artifact().unwrap().name(), ("part", "app"));
}
