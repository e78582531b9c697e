//! The answers of a Harbor to which nothing happened.

use super::account::{Caller, Role};
use super::answer::Answer;
use super::contents::Contents;
use super::cost::RequestKind;
use super::info;
use super::lists;
use super::project::{Project, project_of};
use super::query::{Query, Refusal, decoded};
use super::repository::Repository;
use super::rows::{self, Wanted};
use serde_json::{Value, json};

/// Where the API is.
const API: &str = "/api/v2.0";

/// A GET, as far as it decides what is answered.
#[derive(Clone, Debug)]
pub(super) struct Request<'a> {
    /// Path and query without what a proxy put before them.
    pub(super) target: &'a str,
    /// Whether a number in place of a project is a name: the header `X-Is-Resource-Name`.
    pub(super) by_name: bool,
    /// Whether nginx stands before Harbor. It decodes the path once before Harbor sees it.
    pub(super) behind_nginx: bool,
}

/// What answers have to do with: the request, and who sent it.
struct Asked<'a> {
    path: &'a str,
    query: &'a str,
    by_name: bool,
    caller: &'a Caller,
}

/// The answer to a request of this caller.
pub(super) fn answer(contents: &Contents, request: &Request<'_>, caller: &Caller) -> Answer {
    let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
    let asked = Asked { path, query, by_name: request.by_name, caller };
    let segments = segments(path, request.behind_nginx);
    let segments: Option<Vec<&str>> = segments.as_ref().map(|all| all.iter().map(String::as_str).collect());
    let kind = kind(contents, segments.as_deref().unwrap_or_default());
    let found = match (kind, segments) {
        (Some(kind), Some(segments)) => asked.answer(contents, kind, &segments),
        _ => Err((404, "NOT_FOUND", format!("path {path} was not found"))),
    };
    found.unwrap_or_else(|refusal| Answer::refusal(kind.unwrap_or(RequestKind::Info), refusal))
}

/// The parts of a path below the API, decoded once. A slash that appears then makes another path behind nginx.
fn segments(path: &str, behind_nginx: bool) -> Option<Vec<String>> {
    let segments = path.strip_prefix(API)?.strip_prefix('/')?.split('/').map(decoded);
    segments.map(|segment| (!behind_nginx || !segment.contains('/')).then_some(segment)).collect()
}

fn kind(contents: &Contents, segments: &[&str]) -> Option<RequestKind> {
    Some(match segments {
        ["systeminfo" | "health" | "registries" | "statistics"] | ["users", "current"] => RequestKind::Info,
        ["projects"] => RequestKind::Projects,
        ["repositories"] => RequestKind::Repositories,
        ["projects", _] => RequestKind::Project,
        ["projects", _, "repositories"] => RequestKind::RepositoriesOfProject,
        ["projects", _, "repositories", _] => RequestKind::Repository,
        ["projects", _, "artifacts"] if contents.version.lists_projects() => RequestKind::ArtifactsOfProject,
        ["projects", _, "repositories", _, "artifacts"] => RequestKind::ArtifactsOfRepository,
        ["projects", _, "repositories", _, "artifacts", _] => RequestKind::Artifact,
        _ => return None,
    })
}

impl Asked<'_> {
    fn answer(&self, contents: &Contents, kind: RequestKind, segments: &[&str]) -> Result<Answer, Refusal> {
        match segments {
            ["systeminfo"] => Ok(Answer::one(kind, info::system_info(contents, self.caller.role().is_some()))),
            ["health"] => Ok(Answer::one(kind, info::health("healthy"))),
            ["users", "current"] => self.current_user().map(|user| Answer::one(kind, user)),
            ["statistics"] => Ok(Answer::one(kind, info::statistics(contents))),
            ["registries"] => {
                let rows =
                    contents.projects.values().filter_map(|project| project.registry).map(info::registry).collect();
                self.page(kind, rows)
            }
            ["projects"] => {
                let sees = |project: &&Project| self.sees(project);
                let (total, page) = lists::projects(contents.projects.values().filter(sees).collect(), &self.query()?);
                let rows = page.iter().map(|project| self.project_row(contents, project)).collect();
                Ok(Answer::page(kind, self.path, &self.query()?, total, rows))
            }
            ["repositories"] => {
                let robot = self.caller.is_robot() && !contents.version.shows_robots_private_repositories();
                let sees = |repository: &&Repository| {
                    let project = contents.projects.get(project_of(&repository.name));
                    project.is_some_and(|project| project.public || (self.sees(project) && !robot))
                };
                self.repositories(kind, contents.repositories.values().filter(sees).collect())
            }
            ["projects", project, rest @ ..] => self.in_project(contents, kind, project, rest),
            _ => Err((404, "NOT_FOUND", format!("path {} was not found", self.path))),
        }
    }

    fn in_project(&self, contents: &Contents, kind: RequestKind, name: &str, rest: &[&str]) -> Result<Answer, Refusal> {
        let full_name = |project: &str, repository: &str| format!("{project}/{}", decoded(repository));
        // Where a path has repositories, Harbor reads a project's name and never an id. As its source says; not recorded.
        let by_name = self.by_name || rest.first() == Some(&"repositories");
        let found = self.project(contents, name, by_name);
        let repository_of = |repository: &str| {
            // Whoever may do all may ask for what is in a project that does not exist.
            match &found {
                Err(refusal) if refusal.0 != 404 => Err(refusal.clone()),
                found => Ok(full_name(found.as_ref().map_or(name, |project| &project.name), repository)),
            }
        };
        match rest {
            [] => Ok(Answer::one(kind, self.project_row(contents, found?))),
            ["repositories"] => self.repositories(kind, contents.repositories_of(&found?.name).collect()),
            ["artifacts"] if self.caller.role().is_none() => Err(unauthorized()),
            ["artifacts"] => {
                let query = self.query()?;
                let (total, page) = lists::artifacts_in(contents, found?, &query);
                let row = |(repository, stored): &(&Repository, _)| {
                    rows::artifact(contents.version, repository, stored, wanted(&query))
                };
                Ok(Answer::page(kind, self.path, &query, total, page.iter().map(row).collect()))
            }
            ["repositories", repository] => {
                let name = repository_of(repository)?;
                let found = contents.find(&name).ok_or_else(|| not_found("repository", &name))?;
                Ok(Answer::one(kind, rows::repository(found)))
            }
            ["repositories", repository, "artifacts"] => {
                let query = self.query()?;
                let Some(repository) = contents.find(&repository_of(repository)?) else {
                    return Ok(Answer::page(kind, self.path, &query, 0, Vec::new()));
                };
                let (total, page) = lists::artifacts_of(repository, &query);
                let row = |stored| rows::artifact(contents.version, repository, stored, wanted(&query));
                Ok(Answer::page(kind, self.path, &query, total, page.iter().map(row).collect()))
            }
            ["repositories", repository, "artifacts", reference] => {
                let name = repository_of(repository)?;
                let repository = contents.find(&name).ok_or_else(|| not_found("repository", &name))?;
                let separator = if reference.contains(':') { '@' } else { ':' };
                let found = repository.find(reference);
                let found = found.ok_or_else(|| not_found("artifact", &format!("{name}{separator}{reference}")))?;
                let wanted = wanted(&self.query()?);
                Ok(Answer::one(kind, rows::artifact(contents.version, repository, &found, wanted)))
            }
            _ => Err((404, "NOT_FOUND", format!("path {} was not found", self.path))),
        }
    }

    fn query(&self) -> Result<Query, Refusal> {
        Query::read(self.query)
    }

    fn sees(&self, project: &Project) -> bool {
        project.public || self.caller.may_see(&project.name)
    }

    /// A project by name; a number is an id unless it has to be a name.
    fn project<'a>(&self, contents: &'a Contents, name: &str, by_name: bool) -> Result<&'a Project, Refusal> {
        let found = match name.parse() {
            Ok(id) if !by_name => contents.find_project(id),
            _ => contents.projects.get(name),
        };
        match (found, self.caller.role()) {
            (Some(project), _) if self.sees(project) => Ok(project),
            (_, None) => Err(unauthorized()),
            (None, Some(Role::Administrator)) => Err(not_found("project", name)),
            _ => Err((403, "FORBIDDEN", "forbidden".to_owned())),
        }
    }

    fn project_row(&self, contents: &Contents, project: &Project) -> Value {
        let role = match self.caller.role() {
            Some(Role::Administrator) => Some(1),
            // A guest. Not recorded.
            Some(Role::User) if !project.public => Some(3),
            _ => None,
        };
        rows::project(project, contents.repositories_of(&project.name).count(), role)
    }

    fn repositories(&self, kind: RequestKind, all: Vec<&Repository>) -> Result<Answer, Refusal> {
        let query = self.query()?;
        let (total, page) = lists::repositories(all, &query);
        Ok(Answer::page(kind, self.path, &query, total, page.into_iter().map(rows::repository).collect()))
    }

    fn page(&self, kind: RequestKind, rows: Vec<Value>) -> Result<Answer, Refusal> {
        let (query, total) = (self.query()?, rows.len());
        let (skipped, most) = query.window();
        let page = rows.into_iter().skip(skipped).take(most).collect();
        Ok(Answer::page(kind, self.path, &query, total, page))
    }

    /// Seen on a real Harbor 2.16, not recorded: 401 for nobody, 412 for a robot.
    fn current_user(&self) -> Result<Value, Refusal> {
        match self.caller {
            Caller::Nobody | Caller::Refused => Err(unauthorized()),
            Caller::Known(_, Role::Robot | Role::RobotOf(_)) => {
                let message = "get current user not available for security context: robot";
                Err((412, "PRECONDITION", message.to_owned()))
            }
            Caller::Known(name, role) => {
                Ok(json!({"username": name, "user_id": 3, "sysadmin_flag": *role == Role::Administrator}))
            }
        }
    }
}

fn wanted(query: &Query) -> Wanted {
    Wanted { tags: query.flag("with_tag").unwrap_or(true), accessories: query.flag("with_accessory").unwrap_or(false) }
}

fn unauthorized() -> Refusal {
    (401, "UNAUTHORIZED", "unauthorized".to_owned())
}

fn not_found(what: &str, name: &str) -> Refusal {
    (404, "NOT_FOUND", format!("{what} {name} not found"))
}
