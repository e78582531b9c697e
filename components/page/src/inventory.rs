//! The answer of `/inventory`, as far as the HTML shows it.

#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The answer. What a handler leaves out, the page does not show.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Inventory {
    pub(crate) nodes: Vec<Node>,
    pub(crate) registry: Option<Registry>,
    pub(crate) total: u64,
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) images: Vec<Image>,
    pub(crate) next: Option<String>,
    pub(crate) errors: Vec<Failure>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) age_seconds: Option<f64>,
    pub(crate) bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Registry {
    pub(crate) url: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) state: String,
    pub(crate) age_seconds: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Image {
    /// None for an image without a name.
    pub(crate) reference: Option<String>,
    pub(crate) repository: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) digests: Vec<String>,
    pub(crate) bytes: Option<u64>,
    pub(crate) nodes: Vec<String>,
    pub(crate) node_count: u64,
    pub(crate) harbor: Option<HarborSide>,
    pub(crate) verdicts: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HarborSide {
    pub(crate) digest: Option<String>,
    pub(crate) bytes: Option<u64>,
    pub(crate) pushed_at: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Failure {
    pub(crate) source: String,
    pub(crate) node: Option<String>,
    pub(crate) error: String,
}

/// A refusal (RFC 9457).
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Problem {
    pub(crate) title: String,
    pub(crate) detail: String,
}

/// What the handler answered to the question for the first rows.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Rows, and the JSON that they were in.
    Rows(Inventory, String),
    /// It wants a token first.
    Login,
    /// A refusal, with its status.
    Problem(u16, Problem),
}

impl Answer {
    /// Reads an answer. A body that is no answer counts as a refusal, so that the page stands without rows, and says so.
    pub(crate) fn read(status: u16, body: Vec<u8>) -> Self {
        match status {
            200 => {
                let text = String::from_utf8_lossy(&body).into_owned();
                match serde_json::from_str(&text) {
                    Ok(inventory) => Self::Rows(inventory, text),
                    Err(error) => Self::broken_off(&error.to_string()),
                }
            }
            401 => Self::Login,
            _ => Self::Problem(status, serde_json::from_slice(&body).unwrap_or_default()),
        }
    }

    /// An answer that did not come to its end, for this reason.
    pub(crate) fn broken_off(reason: &str) -> Self {
        Self::Problem(502, Problem { title: String::new(), detail: format!("The rows could not be read: {reason}.") })
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Rows(..) => 200,
            Self::Login => 401,
            Self::Problem(status, _) => *status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_rows_a_login_or_a_refusal() {
        assert!(
            matches!(Answer::read(200, b"{\"total\":3,\"new\":1}".to_vec()), Answer::Rows(inventory, _) if inventory.total == 3)
        );
        assert!(matches!(Answer::read(401, Vec::new()), Answer::Login));
        let Answer::Problem(503, problem) = Answer::read(503, b"{\"detail\":\"Not read yet.\"}".to_vec()) else {
            panic!()
        };
        assert_eq!(problem.detail, "Not read yet.");
        assert!(matches!(Answer::read(500, b"<html>".to_vec()), Answer::Problem(500, _)));
    }

    #[test]
    fn a_body_that_is_no_answer_is_a_refusal() {
        let Answer::Problem(502, problem) = Answer::read(200, b"[1".to_vec()) else { panic!() };
        assert!(problem.detail.starts_with("The rows could not be read"), "{problem:?}");
    }
}
