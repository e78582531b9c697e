//! What `image-service check` says of Harbor: its rows, the safety of the login, and what listings cost.

use super::super::listing::{Counted, Failure};
use super::report::{Report, Verdict, count};
use crate::sources::harbor::{HarborClient, LoginCost};
use harbor_api::version::marks_changes;
use image_service_config::{Config, Harbor, Route};
use std::time::Duration;

const PART: &str = "harbor";
/// A login that costs less is not worth a word.
const CHEAP_LOGIN: Duration = Duration::from_millis(30);

/// Whether Harbor gave its rows, and what to look at.
pub(super) fn report(report: &mut Report, client: &HarborClient, harbor: &Harbor, listing: &Counted) {
    // An operator's composition may ask a registry of its own.
    if harbor.is_off() && listing.failures_of_harbor().next().is_none() && listing.registry_rows == 0 {
        return report.print(
            Verdict::Off,
            PART,
            "not configured; set harbor_config.url, user and password to list a registry",
        );
    }
    let failures: Vec<&Failure> = listing.failures_of_harbor().collect();
    if !failures.is_empty()
        && let Some(sentence) = harbor.what_is_missing()
    {
        return report.print(Verdict::Fails, PART, sentence);
    }
    match &harbor.route {
        Route::Direct => {}
        Route::Bypass(why) => report.print(Verdict::Works, PART, format!("asked without a proxy, as {why}")),
        Route::Through(proxy) => {
            let login = if proxy.login.is_some() { ", with a login" } else { "" };
            let sentence = format!("asked through the proxy {proxy} of {}{login}", proxy.named_by);
            report.print(Verdict::Works, PART, sentence);
        }
    }
    let rows = count(listing.registry_rows, "row");
    if failures.is_empty() {
        let project = match (harbor.project.is_empty(), harbor.is_anonymous()) {
            (true, true) => "all public projects",
            (true, false) => "all projects",
            (false, _) => &harbor.project,
        };
        let login = if harbor.is_complete() { format!("as {}", harbor.user) } else { "without login".to_owned() };
        report.print(Verdict::Works, PART, format!("{rows} of {project} from {} {login}", harbor.url));
    }
    let mut came = match (client.went_without_login(), listing.registry_rows) {
        (_, 0) => String::new(),
        (true, _) => format!("; {rows} of public projects came without it"),
        (false, _) => format!("; {rows} came nevertheless"),
    };
    for failure in failures {
        let repository = failure.repository.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        report.print(Verdict::Fails, PART, format!("{repository}{}{}", failure.error, std::mem::take(&mut came)));
    }
    if let Some(danger) = harbor.danger() {
        report.print(Verdict::Warning, PART, danger);
    }
}

/// What listings of a Harbor that works cost: whether they read all of it, and what the login adds to each request.
pub(super) async fn costs(report: &mut Report, client: &HarborClient, config: &Config, listing: &Counted) {
    if config.harbor.is_complete() && listing.failures_of_harbor().next().is_none() {
        extent(report, client, config).await;
        login_cost(report, client).await;
    }
}

/// Whether a listing reads all of Harbor or what changed, and why.
async fn extent(report: &mut Report, client: &HarborClient, config: &Config) {
    let interval = config.harbor.full_listing_interval;
    let sentence = match client.version().await {
        _ if interval == 0 => {
            "each listing reads all of Harbor, as harbor_config.full_listing_interval is 0".to_owned()
        }
        None => "each listing reads all of Harbor, as it does not tell its version".to_owned(),
        Some(version) if !marks_changes(&version) => {
            format!("each listing reads all of Harbor, as {version} does not mark changes; 2.16 and later do")
        }
        Some(version) => {
            let place = config.cache.state_dir.as_ref().map_or("memory".to_owned(), |path| path.display().to_string());
            format!(
                "{version} marks changes, so a listing reads what changed, and all of Harbor every {interval} s; rows are \
                 kept in {place}"
            )
        }
    };
    report.print(Verdict::Works, PART, sentence);
}

/// What the login adds to each request, where it is most of the request.
async fn login_cost(report: &mut Report, client: &HarborClient) {
    let Some(LoginCost { with_login, without }) = client.login_cost().await else { return };
    let login = with_login.saturating_sub(without);
    if login >= CHEAP_LOGIN && login > without {
        let (login, all) = (login.as_millis(), with_login.as_millis());
        report.print(
            Verdict::Warning,
            PART,
            format!(
                "the login takes {login} of the {all} ms of each request, as Harbor hashes a user's password anew each time; \
                 a robot account costs next to nothing: create one of the system with the permissions \"list repository\" \
                 and \"list artifact\" for all projects, and mind the day on which it expires"
            ),
        );
    }
}
