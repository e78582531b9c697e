//! The requests of one listing: those that may succeed a moment later are sent again, and a page that the plan had to read
//! early is not read twice.
//!
//! Gateways' answers (502, 503, 504) and broken connections are the host's to try again. Here are the failures that only
//! somebody who knows the listing can judge: a login that counted a moment ago, and an error of Harbor's database.

use crate::api::{Api, Experience, Reply};
use crate::error::{Error, ErrorKind};
use image_model::types::FailureCode;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

/// The waits before a request that Harbor answered with 500 is sent again. Harbor does so while its database has no
/// connection left (goharbor/harbor#16631).
const WAITS_AFTER_500: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];
/// The wait before a request that Harbor answered with 401, after the login counted, is sent again.
const WAITS_AFTER_401: [Duration; 1] = [Duration::from_millis(100)];
/// Failures in a row after which the listing asks each request once: Harbor is down, and asking again makes it worse.
const MAX_FAILURES_IN_A_ROW: u32 = 16;
/// Most bytes of a page that is kept until the listing reads it.
const MAX_KEPT_BYTES: usize = 1 << 20;

/// The requests of one listing.
pub(crate) struct Session<'a, A> {
    api: &'a A,
    /// Whether the login counted in this listing.
    login_counts: Cell<bool>,
    failures_in_a_row: Cell<u32>,
    /// The time of the quickest request.
    quickest: Cell<Option<Duration>>,
    /// Whether Harbor's database was in trouble: a request got 500, or a page came without its tags.
    in_trouble: Cell<bool>,
    /// Pages that were read early, by path. Each is given out once.
    kept: RefCell<HashMap<String, Reply>>,
}

impl<'a, A: Api> Session<'a, A> {
    pub(crate) fn new(api: &'a A) -> Self {
        Self {
            api,
            login_counts: Cell::new(false),
            failures_in_a_row: Cell::new(0),
            quickest: Cell::new(None),
            in_trouble: Cell::new(false),
            kept: RefCell::default(),
        }
    }

    /// From now on, a 401 contradicts what Harbor said of the login.
    pub(crate) fn login_counts(&self) {
        self.login_counts.set(true);
    }

    /// Gets a page before its turn, and returns how many rows its list has, and how long it took.
    pub(crate) async fn get_early(&self, path: String) -> Result<(Option<u64>, Duration), Error> {
        let begun = self.api.now();
        let reply = self.get(path.clone(), |reply| reply).await?;
        let taken = self.api.now().saturating_sub(begun);
        let total = reply.total;
        if reply.body.len() <= MAX_KEPT_BYTES {
            self.kept.borrow_mut().insert(path, reply);
        }
        Ok((total, taken))
    }

    /// What no request of this listing took less than; zero before the first one.
    pub(crate) fn quickest(&self) -> Duration {
        self.quickest.get().unwrap_or_default()
    }

    /// The waits before this failure is tried again.
    fn waits(&self, error: &Error) -> &'static [Duration] {
        match error.status() {
            _ if self.failures_in_a_row.get() >= MAX_FAILURES_IN_A_ROW => &[],
            Some(500) => &WAITS_AFTER_500,
            Some(401) if self.login_counts.get() => &WAITS_AFTER_401,
            _ => &[],
        }
    }
}

impl<A: Api> Api for Session<'_, A> {
    async fn get<T: 'static>(&self, path: String, read: impl FnOnce(Reply) -> T + 'static) -> Result<T, Error> {
        let kept = self.kept.borrow_mut().remove(&path);
        if let Some(reply) = kept {
            return Ok(read(reply));
        }
        let read = Rc::new(Cell::new(Some(read)));
        let mut tries = 0;
        loop {
            let read = Rc::clone(&read);
            let begun = self.api.now();
            let outcome = self.api.get(path.clone(), move |reply| read.take().map(|read| read(reply))).await;
            let error = match outcome {
                Ok(Some(value)) => {
                    let taken = self.api.now().saturating_sub(begun);
                    self.quickest.set(Some(self.quickest.get().map_or(taken, |quickest| quickest.min(taken))));
                    self.failures_in_a_row.set(0);
                    return Ok(value);
                }
                // Only a success takes it, and ends the loop.
                Ok(None) => {
                    let kind = ErrorKind::NoResponse(FailureCode::Other, "the reply was read before".to_owned());
                    return Err(Error { url: self.url(&path), kind });
                }
                Err(error) => error,
            };
            if error.status() == Some(500) {
                self.note_trouble();
            }
            let Some(wait) = self.waits(&error).get(tries) else {
                if error.status().is_some() {
                    self.failures_in_a_row.set(self.failures_in_a_row.get().saturating_add(1));
                }
                return Err(error);
            };
            self.pause(*wait).await;
            tries += 1;
        }
    }

    fn url(&self, path: &str) -> String {
        self.api.url(path)
    }

    fn go_anonymous(&self) {
        self.api.go_anonymous();
    }

    fn is_anonymous(&self) -> bool {
        self.api.is_anonymous()
    }

    fn is_own(&self, url: &str) -> bool {
        self.api.is_own(url)
    }

    fn now(&self) -> Duration {
        self.api.now()
    }

    async fn pause(&self, time: Duration) {
        self.api.pause(time).await;
    }

    fn is_in_trouble(&self) -> bool {
        self.in_trouble.get()
    }

    fn note_trouble(&self) {
        self.in_trouble.set(true);
    }

    fn recall(&self) -> Experience {
        self.api.recall()
    }

    fn remember(&self, experience: Experience) {
        self.api.remember(experience);
    }
}
