//! The outcomes of logins, as their metric counts them.

/// How the login of a browser ended.
#[derive(Clone, Copy, Debug)]
pub enum LoginOutcome {
    /// It began a session.
    Success,
    /// Its token was wrong.
    Failure,
    /// It came after too many failures.
    Throttled,
}

impl LoginOutcome {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Success, Self::Failure, Self::Throttled];

    /// The label.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Throttled => "throttled",
        }
    }
}
