//! What the listing left open, and what the registry says when it is asked for a single artifact.
//!
//! The caller asks [`Inventory::open_questions`] and hands the answers to [`Inventory::answer`], until there are no questions or
//! it has asked enough. What nobody answers stays `unknown`.

use crate::inventory::Inventory;
use crate::judge;
use crate::reason::Reason;
use image_model::types::{Artifact, Failure};
use std::collections::HashSet;

/// An artifact to ask the registry for, as `find` of the interface `registry-images` takes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The project's name.
    pub project: String,
    /// The repository's name inside the project.
    pub repository: String,
    /// A tag or a digest.
    pub reference: String,
}

/// What the registry said: the artifact, that there is none, or nothing.
pub type Answer = Result<Option<Artifact>, Failure>;

impl Inventory {
    /// What to ask the registry, at most this much, and nothing that was `asked` before.
    ///
    /// Only rows whose project the login sees, and of which the listing is incomplete, have questions.
    pub fn open_questions(&self, max: usize, asked: &HashSet<Question>) -> Vec<Question> {
        let (mut questions, mut known) = (Vec::new(), HashSet::new());
        for row in 0..self.rows.len() {
            if questions.len() >= max {
                break;
            }
            let question = self.question_of(row, asked);
            questions.extend(question.filter(|question| known.insert(question.clone())));
        }
        questions
    }

    fn question_of(&self, index: usize, asked: &HashSet<Question>) -> Option<Question> {
        let (row, location) = (&self.rows[index], self.whose[index].location()?);
        let open = [Reason::ProjectIncomplete, Reason::RepositoryFailed, Reason::RegistryFailed];
        if !row.reason.is_some_and(|reason| open.contains(&reason))
            || self.evidence.distrust().is_some()
            || self.evidence.project(&location.project).is_none()
        {
            return None;
        }
        let question = |reference: &dyn ToString| Question {
            project: location.project.clone(),
            repository: location.name.clone(),
            reference: reference.to_string(),
        };
        let by_tag = row
            .tag(&self.nodes)
            .filter(|_| !judge::is_proxied(location, &self.evidence) && row.tagged.is_none() && !row.tag_absent);
        // A tag settles more: with it the digest need not be asked for.
        let by_tag = by_tag.map(|tag| question(&tag));
        let by_digest = row.judged_digests().iter().map(|digest| question(&self.digests.text(*digest)));
        by_tag
            .into_iter()
            .chain(by_digest.filter(|_| row.holders.is_empty()))
            .find(|question| !asked.contains(question))
    }

    /// Takes answers, and judges anew. `asked` are all questions so far; answers that are no failure count.
    pub fn answer(&mut self, answers: Vec<(Question, Answer)>, asked: &mut HashSet<Question>) {
        let mut absent: HashSet<Question> = HashSet::new();
        for (question, answer) in answers {
            match answer {
                Ok(Some(artifact)) => self.found(&question, artifact),
                Ok(None) => {
                    absent.insert(question.clone());
                }
                Err(_) => {}
            }
            asked.insert(question);
        }
        for question in &absent {
            self.not_found(question);
        }
        self.judge();
    }

    fn found(&mut self, question: &Question, artifact: Artifact) {
        let place = (question.project.as_str(), question.repository.as_str());
        let Some(artifact) = self.artifacts.push_found(&mut self.digests, place, artifact) else { return };
        for (row, whose) in self.rows.iter_mut().zip(&self.whose) {
            let Some(location) = whose.location() else { continue };
            if (location.project.as_str(), location.name.as_str()) != place {
                continue;
            }
            let tag = row.tag(&self.nodes);
            if row.tagged.is_none() && tag.is_some_and(|tag| self.artifacts.tags(artifact).any(|other| other == tag)) {
                row.tagged = Some(artifact);
            }
            if row.judged_digests().iter().any(|digest| self.artifacts.holds(artifact, *digest)) {
                row.holders.push(artifact);
            }
        }
    }

    fn not_found(&mut self, question: &Question) {
        let place = (question.project.as_str(), question.repository.as_str());
        for (row, whose) in self.rows.iter_mut().zip(&self.whose) {
            let Some(location) = whose.location() else { continue };
            if (location.project.as_str(), location.name.as_str()) != place {
                continue;
            }
            if row.tag(&self.nodes) == Some(&question.reference) {
                row.tag_absent = true;
            }
            let digests = row.judged_digests();
            if digests.iter().any(|digest| self.digests.text(*digest).with(|text| text == question.reference)) {
                row.absent_digests += 1;
            }
        }
    }
}
