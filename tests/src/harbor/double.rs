//! From a request to its reply: what goes wrong, what is down, what is answered, and how long that takes.

use super::account::Caller;
use super::answer::{Answer, error_response};
use super::answers::{self, Request};
use super::contents::Contents;
use super::cost::{Costs, REFUSAL_PAUSE, cost};
use super::fault::Faults;
use super::outage::Ongoing;
use super::plan;
use super::processors::Processors;
use super::request::HarborRequest;
use crate::server::Response;
use futures::future::BoxFuture;
use hyper::body::Incoming;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, watch};

/// What a double is like from its beginning to its end.
pub(super) struct Settings {
    pub(super) prefix: &'static str,
    pub(super) behind_nginx: bool,
    pub(super) latency: Duration,
    /// None where requests take no more time than the double needs.
    pub(super) processors: Option<Processors>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { prefix: "", behind_nginx: true, latency: Duration::ZERO, processors: None }
    }
}

/// What all requests to a double share.
pub(super) struct Double {
    pub(super) contents: Mutex<Contents>,
    state: StdMutex<State>,
    settings: Settings,
    received: watch::Sender<Vec<HarborRequest>>,
}

/// What tests look at or set.
struct State {
    faults: Arc<Faults>,
    outage: Option<Ongoing>,
    costs: Costs,
    last_answer: Option<Instant>,
}

impl Double {
    pub(super) fn new(
        contents: Contents,
        faults: Faults,
        settings: Settings,
        received: watch::Sender<Vec<HarborRequest>>,
    ) -> Self {
        let state =
            StdMutex::new(State { faults: Arc::new(faults), outage: None, costs: Costs::default(), last_answer: None });
        Self { contents: Mutex::new(contents), state, settings, received }
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        self.state().faults = Arc::new(faults);
    }

    pub(super) fn set_outage(&self, outage: Option<Ongoing>) {
        self.state().outage = outage;
    }

    pub(super) fn take_costs(&self) -> Costs {
        std::mem::take(&mut self.state().costs)
    }

    pub(super) fn last_answer(&self) -> Option<Instant> {
        self.state().last_answer
    }

    pub(super) async fn reply(&self, request: &http::Request<Incoming>) -> Response {
        let response = self.reply_to(request).await;
        self.state().last_answer = Some(Instant::now());
        response
    }

    async fn reply_to(&self, request: &http::Request<Incoming>) -> Response {
        let received = HarborRequest::of(request);
        self.received.send_modify(|requests| requests.push(received.clone()));
        if !self.settings.latency.is_zero() {
            tokio::time::sleep(self.settings.latency).await;
        }
        let (faults, outage) = {
            let state = self.state();
            (Arc::clone(&state.faults), state.outage)
        };
        if let Some(reply) = outage.as_ref().and_then(Ongoing::bad_gateway) {
            return reply;
        }
        if let Some(delay) = outage.map(|outage| outage.delay()).filter(|delay| !delay.is_zero()) {
            tokio::time::sleep(delay).await;
        }
        match faults.at(&received.target) {
            None => self.answer(&received.target, &received, outage).await,
            Some(faulty) => {
                let received = &received;
                let answer = |target: String| -> BoxFuture<'_, Response> {
                    Box::pin(async move { self.answer(&target, received, outage).await })
                };
                faulty.reply(&self.contents, &received.target, answer).await
            }
        }
    }

    /// The answer of a Harbor without faults, when its processors have made it.
    async fn answer(&self, target: &str, received: &HarborRequest, outage: Option<Ongoing>) -> Response {
        let mut came = Instant::now();
        let Some(target) = target.strip_prefix(self.settings.prefix) else {
            return error_response(404, "NOT_FOUND", "nothing but the proxy is here");
        };
        let by_name = received.header("x-is-resource-name") == Some("true");
        let request = Request { target, by_name, behind_nginx: self.settings.behind_nginx };
        let (answer, cost, refused) = {
            let contents = self.contents.lock().await;
            let caller = contents.accounts.caller(received.login());
            let refused = caller == Caller::Refused;
            let caller = match &outage {
                Some(outage) => outage.caller(caller),
                None => caller,
            };
            let answer = answers::answer(&contents, &request, &caller);
            let answer = match &outage {
                Some(outage) => outage.answer(target.split('?').next().unwrap_or_default(), answer),
                None => answer,
            };
            let cost = time_of(&contents, &answer, &caller);
            (answer, cost, refused)
        };
        let response = answer.response();
        self.state().costs.add(answer.kind, cost);
        if let Some(processors) = &self.settings.processors {
            if refused {
                processors.pause(REFUSAL_PAUSE).await;
                came = Instant::now();
            }
            processors.work(came, cost).await;
        }
        response
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an answer costs a real Harbor.
fn time_of(contents: &Contents, answer: &Answer, caller: &Caller) -> Duration {
    cost(contents.version, answer.kind, plan::login(caller), contents.artifact_count(), answer.rows)
}
