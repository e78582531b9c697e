//! What a request costs a real Harbor's processors, as measured on two cores with nobody else asking.
//!
//! Seen on a real Harbor 2.16 with 150 to 500,000 artifacts, and on a 2.12 with 100,000; not recorded. Other numbers of
//! artifacts and rows are interpolated linearly.

use super::version::Version;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestKind {
    /// `/systeminfo`, `/health`, `/users/current` and other single answers.
    Info,
    /// `/projects`
    Projects,
    /// `/projects/{project}`
    Project,
    /// `/repositories`
    Repositories,
    /// `/projects/{project}/repositories`
    RepositoriesOfProject,
    /// `/projects/{project}/repositories/{repository}`
    Repository,
    /// `/projects/{project}/artifacts`
    ArtifactsOfProject,
    /// `/projects/{project}/repositories/{repository}/artifacts`
    ArtifactsOfRepository,
    /// `/projects/{project}/repositories/{repository}/artifacts/{reference}`
    Artifact,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoginKind {
    /// No login, or one that was refused.
    Nobody,
    /// A robot with its secret.
    Robot,
    /// A user with a password.
    User,
}

/// How many requests there were, and what they cost in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Requests.
    pub count: usize,
    /// Time of Harbor's processors.
    pub time: Duration,
}

/// What requests cost, by kind. The times are a real Harbor's, whatever the scale at which the double waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Costs(BTreeMap<RequestKind, Spent>);

impl Costs {
    /// What requests of this kind cost.
    pub fn of(&self, kind: RequestKind) -> Spent {
        self.0.get(&kind).copied().unwrap_or_default()
    }

    /// What all of them cost.
    pub fn total(&self) -> Spent {
        let mut total = Spent::default();
        for spent in self.0.values() {
            total.add(spent.count, spent.time);
        }
        total
    }

    pub(super) fn add(&mut self, kind: RequestKind, time: Duration) {
        self.0.entry(kind).or_default().add(1, time);
    }
}

impl Spent {
    fn add(&mut self, count: usize, time: Duration) {
        self.count += count;
        self.time += time;
    }
}

/// The columns of the tables: artifacts in all.
const ARTIFACTS: [f64; 4] = [150.0, 10_000.0, 100_000.0, 500_000.0];

/// Milliseconds of a robot's request: with few rows, and with many.
struct Table {
    few: (f64, [f64; 4]),
    many: (f64, [f64; 4]),
}

const PROJECTS: Table = Table { few: (1.0, [5.0, 5.0, 5.0, 7.0]), many: (100.0, [10.0, 16.0, 20.0, 57.0]) };
/// With few rows as `q=update_time=[…~]` costs that finds nothing.
const REPOSITORIES: Table = Table { few: (0.0, [5.0, 5.0, 7.0, 7.0]), many: (100.0, [15.0, 25.0, 27.0, 29.0]) };
const OF_PROJECT: Table = Table { few: (1.0, [6.0, 11.0, 71.0, 268.0]), many: (100.0, [22.0, 30.0, 105.0, 287.0]) };
/// With 150 artifacts nobody measured 50 rows: 0.3 ms a row, as elsewhere.
const OF_REPOSITORY: Table = Table { few: (1.0, [6.0, 9.0, 5.0, 4.0]), many: (50.0, [21.0, 22.0, 17.0, 12.0]) };
/// 2.12 was measured with 100,000 artifacts only. Its other columns grow as those of 2.16 do.
const OF_PROJECT_2_12: Table =
    Table { few: (1.0, [10.0, 18.0, 115.0, 434.0]), many: (100.0, [34.0, 46.0, 161.0, 440.0]) };
const OF_REPOSITORY_2_12: Table = Table { few: (1.0, [12.0; 4]), many: (50.0, [32.0; 4]) };

/// What a wrong password costs the one who sent it: Harbor pauses, its processors do not work.
pub(super) const REFUSAL_PAUSE: Duration = Duration::from_millis(1500);

/// The cost of a request in a Harbor with so many artifacts, whose answer has so many rows.
pub(super) fn cost(version: Version, kind: RequestKind, login: LoginKind, artifacts: usize, rows: usize) -> Duration {
    let modern = version >= Version::V2_16;
    let (table, rows) = match kind {
        RequestKind::Projects => (&PROJECTS, rows),
        RequestKind::Info | RequestKind::Project => (&PROJECTS, 1),
        RequestKind::Repositories | RequestKind::RepositoriesOfProject => (&REPOSITORIES, rows),
        RequestKind::Repository => (&REPOSITORIES, 1),
        RequestKind::ArtifactsOfProject if modern => (&OF_PROJECT, rows),
        RequestKind::ArtifactsOfProject => (&OF_PROJECT_2_12, rows),
        RequestKind::ArtifactsOfRepository if modern => (&OF_REPOSITORY, rows),
        RequestKind::ArtifactsOfRepository => (&OF_REPOSITORY_2_12, rows),
        RequestKind::Artifact if modern => (&OF_REPOSITORY, 1),
        RequestKind::Artifact => (&OF_REPOSITORY_2_12, 1),
    };
    // 2.12 hashes all secrets alike; there the lists of artifacts were measured with the login in them, the others were not.
    let measured_with = match (modern, kind) {
        (true, _) => 1.0,
        (false, RequestKind::ArtifactsOfProject | RequestKind::ArtifactsOfRepository | RequestKind::Artifact) => 10.0,
        (false, _) => 1.0,
    };
    let login = match (login, modern) {
        (LoginKind::Nobody, _) => 0.0,
        (LoginKind::Robot, true) => 1.0,
        (LoginKind::User, true) => 101.0,
        (LoginKind::Robot | LoginKind::User, false) => 10.0,
    };
    let milliseconds = table.at(artifacts as f64, rows as f64) - measured_with + login;
    Duration::from_secs_f64(milliseconds.max(1.0) / 1000.0)
}

impl Table {
    fn at(&self, artifacts: f64, rows: f64) -> f64 {
        let ((few_rows, few), (many_rows, many)) = (&self.few, &self.many);
        let (few, many) = (column(few, artifacts), column(many, artifacts));
        few + (many - few) * (rows - few_rows).max(0.0) / (many_rows - few_rows)
    }
}

/// Between the columns on a line, before the first as in it, and after the last as on the line to it.
fn column(values: &[f64; 4], artifacts: f64) -> f64 {
    let after = ARTIFACTS.iter().position(|column| *column >= artifacts).unwrap_or(ARTIFACTS.len() - 1).max(1);
    let (from, to) = (ARTIFACTS[after - 1], ARTIFACTS[after]);
    let (low, high) = (values[after - 1], values[after]);
    low + (high - low) * (artifacts.max(ARTIFACTS[0]) - from) / (to - from)
}
