//! Who asks, and what they may see.

use base64::Engine;
use std::collections::BTreeMap;

/// What an account may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A user with a password who sees everything.
    Administrator,
    /// A user with a password who is a member of all projects.
    User,
    /// A robot of the system with all projects.
    Robot,
    /// A robot with these private projects. Like everybody, it sees the public ones.
    RobotOf(Vec<String>),
}

/// The accounts, by name, with their secrets.
#[derive(Clone, Debug, Default)]
pub(super) struct Accounts(BTreeMap<String, (String, Role)>);

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// No login, or one that does not count: Harbor makes no difference between them.
    Nobody,
    /// Nobody, after a wrong password.
    Refused,
    /// An account.
    Known(String, Role),
}

impl Accounts {
    pub(super) fn set(&mut self, name: &str, secret: &str, role: Role) {
        self.0.insert(name.to_owned(), (secret.to_owned(), role));
    }

    pub(super) fn delete(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Who sent this `Authorization`.
    pub(super) fn caller(&self, authorization: Option<&str>) -> Caller {
        let Some(authorization) = authorization else { return Caller::Nobody };
        let known = credentials(authorization).and_then(|(name, secret)| self.known(&name, &secret));
        known.unwrap_or(Caller::Refused)
    }

    /// The account of this name, if this is its secret.
    pub(super) fn known(&self, name: &str, secret: &str) -> Option<Caller> {
        let (expected, role) = self.0.get(name)?;
        (expected == secret).then(|| Caller::Known(name.to_owned(), role.clone()))
    }
}

impl Caller {
    pub(super) fn role(&self) -> Option<&Role> {
        match self {
            Self::Known(_, role) => Some(role),
            Self::Nobody | Self::Refused => None,
        }
    }

    pub(super) fn is_robot(&self) -> bool {
        matches!(self.role(), Some(Role::Robot | Role::RobotOf(_)))
    }

    /// Whether this private project is theirs to see.
    pub(super) fn may_see(&self, project: &str) -> bool {
        match self.role() {
            None => false,
            Some(Role::RobotOf(projects)) => projects.iter().any(|own| own == project),
            Some(_) => true,
        }
    }
}

fn credentials(authorization: &str) -> Option<(String, String)> {
    let encoded = authorization.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(encoded).ok()?).ok()?;
    decoded.split_once(':').map(|(name, secret)| (name.to_owned(), secret.to_owned()))
}
