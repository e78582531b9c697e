//! Lists as Harbor makes them: filtered, in order, and cut by OFFSET, so that what changes meanwhile shifts the rows behind it.

use super::contents::Contents;
use super::project::{Listed, Project};
use super::query::{Query, Value};
use super::repository::{Place, Repository};
use super::stored::Stored;
use std::cmp::Reverse;

/// How many projects there are in all, and those of the page. Harbor sorts them by name.
pub(super) fn projects<'a>(mut all: Vec<&'a Project>, query: &Query) -> (usize, Vec<&'a Project>) {
    let value = |project: &&Project, key: &str| match key {
        "name" => Some(Value::Text(project.name.clone())),
        "project_id" => Some(Value::Number(project.id)),
        "public" => Some(Value::Text(project.public.to_string())),
        "creation_time" | "update_time" => Some(Value::Time(project.created)),
        _ => None,
    };
    all.sort_by(|one, other| one.name.cmp(&other.name));
    page(all, query, value)
}

/// The same for repositories, the youngest first.
pub(super) fn repositories<'a>(mut all: Vec<&'a Repository>, query: &Query) -> (usize, Vec<&'a Repository>) {
    let value = |repository: &&Repository, key: &str| match key {
        "repository_id" => Some(Value::Number(repository.id)),
        "name" => Some(Value::Text(repository.name.clone())),
        "project_id" => Some(Value::Number(repository.project)),
        "pull_count" => Some(Value::Number(repository.pulls)),
        "creation_time" => Some(Value::Time(repository.created)),
        "update_time" => Some(Value::Time(repository.updated)),
        _ => None,
    };
    all.sort_by_key(|repository| Reverse((repository.created, repository.id)));
    page(all, query, value)
}

/// The same for the artifacts of a repository, the newest first.
pub(super) fn artifacts_of(repository: &Repository, query: &Query) -> (usize, Vec<Stored>) {
    let count = repository.count();
    // The common case makes no list of all artifacts.
    if !query.is_special() && (query.tags().is_none() || (query.tags() == Some("*") && repository.all_tagged())) {
        let (skipped, most) = query.window();
        let window = (skipped..count).take(most);
        return (count, window.map(|newer| repository.at(repository.place(newer))).collect());
    }
    let places = (0..count).map(|newer| repository.place(newer)).collect();
    let (total, page) = chosen(places, query, |_| repository, |place| *place);
    (total, page.into_iter().map(|place| repository.at(place)).collect())
}

/// The same for the artifacts of all repositories of a project.
pub(super) fn artifacts_in<'a>(
    contents: &'a Contents,
    project: &Project,
    query: &Query,
) -> (usize, Vec<(&'a Repository, Stored)>) {
    let all = contents.newest_of(project);
    let repository = |listed: &Listed| &contents.repositories[&listed.repository];
    let all_tagged = || contents.repositories_of(&project.name).all(Repository::all_tagged);
    let plain = !query.is_special() && (query.tags().is_none() || (query.tags() == Some("*") && all_tagged()));
    let (total, page) = if !plain {
        chosen(all.to_vec(), query, repository, |listed| listed.place)
    } else {
        let (skipped, most) = query.window();
        (all.len(), all.iter().skip(skipped).take(most).copied().collect())
    };
    let found = |listed: &Listed| (repository(listed), repository(listed).at(listed.place));
    (total, page.iter().map(found).collect())
}

/// The page of those artifacts that the query asks for.
fn chosen<'a, T>(
    mut all: Vec<T>,
    query: &Query,
    repository: impl Fn(&T) -> &'a Repository,
    place: impl Fn(&T) -> Place,
) -> (usize, Vec<T>) {
    match query.tags() {
        Some("*") => all.retain(|item| repository(item).is_tagged(place(item))),
        Some("nil") => all.retain(|item| !repository(item).is_tagged(place(item))),
        Some(tag) => all.retain(|item| repository(item).at(place(item)).has_tag(tag)),
        None => {}
    }
    let value = |item: &T, key: &str| {
        let stored = repository(item).at(place(item));
        match key {
            "id" => Some(Value::Number(stored.id)),
            "digest" => Some(Value::Text(stored.digest)),
            "type" => Some(Value::Text(stored.type_name().to_owned())),
            "media_type" => Some(Value::Text(stored.media_type)),
            "push_time" => Some(Value::Time(stored.pushed)),
            "pull_time" => Some(Value::Time(stored.pulled)),
            "size" => Some(Value::Number(stored.size)),
            _ => None,
        }
    };
    page(all, query, value)
}

fn page<T>(mut all: Vec<T>, query: &Query, value: impl Fn(&T, &str) -> Option<Value>) -> (usize, Vec<T>) {
    if query.is_special() {
        all.retain(|item| query.passes(|key| value(item, key)));
        all.sort_by(|one, other| query.order(one, other, &value));
    }
    let (skipped, most) = query.window();
    (all.len(), all.into_iter().skip(skipped).take(most).collect())
}
