//! Harbor while something that it needs is down. All of this was seen on a real Harbor 2.16 and not recorded, apart from what
//! says otherwise.

use super::account::Caller;
use super::answer::Answer;

use super::cost::RequestKind;
use super::info::health;
use crate::server::{Response, whole};
use http::StatusCode;
use std::time::{Duration, Instant};

/// For so long after its database went, Harbor says that it is healthy.
const HEALTHY: Duration = Duration::from_secs(60);

/// What is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// The database. Everybody is nobody: the login does not count, and private projects are refused with 401. `/projects` is a
    /// 500, `/users/current` a 401, and `/health` is well for a minute.
    Database,
    /// The cache: each answer is right and so much later.
    Cache(Duration),
    /// Harbor's core, behind nginx: 502 with HTML for so long, then all is well.
    Restarting(Duration),
}

/// An outage, and when it began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ongoing {
    outage: Outage,
    since: Instant,
}

impl Ongoing {
    pub(super) fn now(outage: Outage) -> Self {
        Self { outage, since: Instant::now() }
    }

    /// How much later each answer is.
    pub(super) fn delay(&self) -> Duration {
        match self.outage {
            Outage::Cache(delay) => delay,
            Outage::Database | Outage::Restarting(_) => Duration::ZERO,
        }
    }

    /// The answer in place of all others.
    pub(super) fn bad_gateway(&self) -> Option<Response> {
        match self.outage {
            Outage::Restarting(time) if self.since.elapsed() < time => Some(bad_gateway()),
            _ => None,
        }
    }

    /// Whom Harbor takes a caller for.
    pub(super) fn caller(&self, caller: Caller) -> Caller {
        if self.outage == Outage::Database { Caller::Nobody } else { caller }
    }

    /// The answer in place of the one that a Harbor with its database gives to nobody. A project of which the database can't
    /// say that it is public counts as private; this was not seen. Nor was `/repositories`, which is as `/projects` here.
    pub(super) fn answer(&self, path: &str, answer: Answer) -> Answer {
        if self.outage != Outage::Database {
            return answer;
        }
        let kind = answer.kind;
        let unauthorized = (401, "UNAUTHORIZED", "unauthorized".to_owned());
        match kind {
            RequestKind::Info if path.ends_with("/health") && self.since.elapsed() >= HEALTHY => {
                Answer::one(kind, health("unhealthy"))
            }
            RequestKind::Info if path.ends_with("/systeminfo") || path.ends_with("/health") => answer,
            RequestKind::Info if path.ends_with("/users/current") => Answer::refusal(kind, unauthorized),
            RequestKind::Info | RequestKind::Projects | RequestKind::Repositories => {
                Answer::refusal(kind, (500, "UNKNOWN", "internal server error".to_owned()))
            }
            _ => Answer::refusal(kind, unauthorized),
        }
    }
}

fn bad_gateway() -> Response {
    let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n\
                <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
    let mut response = whole("text/html", page);
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}
