//! One artifact that is asked for, in the words of Harbor 2.16.

use super::*;
use crate::error::of_status;
use image_model::types::{Artifact, FailureCode};

/// Gives one answer to all requests, and notes their path.
struct Answers {
    status: u16,
    body: Value,
    asked: RefCell<Vec<String>>,
}

impl InMemory for Answers {
    fn reply(&self, path: &str) -> Result<Reply, Error> {
        self.asked.borrow_mut().push(path.to_owned());
        let body = self.body.to_string().into_bytes();
        match self.status {
            200 => Ok(Reply { content_type: "application/json".to_owned(), body, ..Reply::default() }),
            status => Err(Error { url: crate::in_memory::url(path), kind: of_status(status, &body, None) }),
        }
    }
}

/// What asking for `reference` in `team/app/web` gives, and the request.
fn found(reference: &str, status: u16, body: Value) -> (Result<Option<Artifact>, Failure>, Vec<String>) {
    let answers = Answers { status, body, asked: RefCell::default() };
    let found = block_on(find(&answers, "team", "app/web", reference));
    (found, answers.asked.into_inner())
}

fn says(message: &str) -> Value {
    json!({"errors": [{"code": "NOT_FOUND", "message": message}]})
}

#[test]
fn an_artifact_is_found_by_its_tag_or_digest() {
    let row = json!({"digest": "sha256:1", "size": 5, "tags": [{"name": "1.0"}], "type": "IMAGE",
        "repository_name": "team/app/web", "push_time": "2026-11-26T00:56:10.891Z"});
    for reference in ["1.0", "sha256:1"] {
        let (found, asked) = found(reference, 200, row.clone());
        let artifact = found.unwrap().unwrap();
        assert_eq!((artifact.tags, artifact.pushed), (vec!["1.0".to_owned()], Some(1_795_654_570_891)));
        let reference = reference.replace(':', "%3A");
        let path = format!("/projects/team/repositories/app%252Fweb/artifacts/{reference}?with_tag=true");
        assert_eq!(asked, [path]);
    }
}

#[test]
fn only_harbors_own_word_about_it_says_that_it_is_not_there() {
    for said in ["artifact team/app/web:1.0 not found", "repository team/app/web not found", "project team not found"] {
        assert_eq!(found("1.0", 404, says(said)).0, Ok(None), "{said}");
    }
    for (status, body) in [
        (404, says("path /api/v2.0/projects/team was not found")),
        (404, says("artifact team/other:1.0 not found")),
        (404, json!("<h1>404</h1>")),
        (403, says("artifact team/app/web:1.0 not found")),
    ] {
        let failure = found("1.0", status, body.clone()).0.unwrap_err();
        assert_eq!(failure.repository.as_deref(), Some("team/app/web"));
        let code = if status == 403 { FailureCode::Denied } else { FailureCode::NotFound };
        assert_eq!(failure.code, code, "{body}");
    }
}

#[test]
fn an_answer_about_another_artifact_is_a_failure() {
    for row in [
        json!({"digest": "sha256:2", "repository_name": "team/app/web"}),
        json!({"digest": "sha256:1", "repository_name": "team/other"}),
    ] {
        assert_eq!(found("sha256:1", 200, row).0.unwrap_err().code, FailureCode::Inconsistent);
    }
    assert_eq!(found("1.0", 200, json!([1])).0.unwrap_err().code, FailureCode::Malformed);
    // Dots would lead to another part of the API.
    let (found, asked) = found("..", 200, json!({}));
    assert_eq!((found.unwrap_err().code, asked.len()), (FailureCode::Misconfigured, 0));
}
