//! The one project that the operator names, where Harbor has no such project or does not show it.

use super::endpoints;
use crate::api::Api;
use crate::page::{Limits, parse_json};
use image_model::setting;
use serde::Deserialize;

/// A project, of which only the name is of use here.
#[derive(Deserialize)]
struct Named {
    name: String,
}

/// What to write in place of the name of a project that is not there, or may not be read; nothing where Harbor does not say.
pub(super) async fn advice(api: &impl Api, limits: Limits) -> String {
    const SHOWN: usize = 10;
    let without_login = if api.is_anonymous() { "; without a login, only public projects can be read" } else { "" };
    let path = endpoints::projects().page(limits.of_names(), 1);
    let reply = api.get(path, |reply| (reply.total, parse_json::<Vec<Named>>(&reply))).await;
    let Ok((total, Ok(projects))) = reply else { return without_login.to_owned() };
    if projects.is_empty() {
        return format!("{without_login}; Harbor shows no project at all to it");
    }
    let count = total.unwrap_or_default().max(projects.len() as u64);
    let mut names: Vec<String> = projects.into_iter().map(|Named { name }| name).collect();
    names.sort_unstable();
    names.truncate(SHOWN);
    let more = match count.saturating_sub(names.len() as u64) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{without_login}; {} can be {}{more}", setting::here("harbor-project"), names.join(", "))
}
