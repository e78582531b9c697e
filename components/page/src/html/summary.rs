//! What all rows together say. Who did not answer comes first: a zero, and "all is well", are answers too.
//!
//! The script says the same (page/src/model/summary.ts).

#![forbid(unsafe_code)]

use crate::inventory::{Inventory, Node};
use crate::options::Options;
use crate::text::{count, list, plural, visible};
use crate::verdicts::VERDICTS;

/// Whether there are rows of a source in this state: of now, or old ones.
pub(super) fn has_rows(state: &str) -> bool {
    matches!(state, "answered" | "stale")
}

/// Without Harbor there are no verdicts, and a zero would be one.
fn is_judged(inventory: &Inventory) -> bool {
    inventory.registry.as_ref().is_some_and(|registry| registry.state != "off")
}

fn lacks_nodes(inventory: &Inventory) -> bool {
    !inventory.nodes.is_empty() && !inventory.nodes.iter().any(|node| has_rows(&node.state))
}

fn lacks_harbor(inventory: &Inventory) -> bool {
    is_judged(inventory) && inventory.registry.as_ref().is_some_and(|registry| !has_rows(&registry.state))
}

fn rows(inventory: &Inventory, verdict: &str) -> u64 {
    inventory.counts.get(verdict).copied().unwrap_or_default()
}

/// The rows of all verdicts. `outdated` stands beside another verdict.
fn all_rows(inventory: &Inventory) -> u64 {
    let judged = VERDICTS.iter().filter(|verdict| verdict.name != "outdated");
    judged.map(|verdict| rows(inventory, &verdict.name)).fold(0, u64::saturating_add)
}

/// How many rows have a verdict; `None` where nobody knows. A zero is known only where the nodes and Harbor answered.
pub(super) fn number_of(inventory: &Inventory, verdict: &str) -> Option<u64> {
    let (nodes, harbor) = (lacks_nodes(inventory), lacks_harbor(inventory));
    match rows(inventory, verdict) {
        _ if !is_judged(inventory) => None,
        0 if nodes && harbor || (nodes || harbor) && verdict != "unknown" => None,
        number => Some(number),
    }
}

fn did(state: &str) -> &'static str {
    match state {
        "waiting" => "is still being read",
        "denied" => "refused the login",
        _ => "did not answer",
    }
}

fn name(options: &Options, node: &Node) -> String {
    visible(options.label(&node.name))
}

/// Who gave no rows, as the beginning of a sentence; `None` where each source gave some.
pub(super) fn missing_sources(options: &Options, inventory: &Inventory) -> Option<String> {
    let state = inventory.registry.as_ref().map_or("", |registry| &registry.state);
    let harbor = format!("Harbor {}", did(state));
    let nodes = match &inventory.nodes[..] {
        [node] => format!("{} {}", name(options, node), did(&node.state)),
        nodes if nodes.iter().all(|node| node.state == "waiting") => "The nodes are still being read".to_owned(),
        _ => "No node answered".to_owned(),
    };
    match (lacks_nodes(inventory), lacks_harbor(inventory)) {
        (false, false) => None,
        (false, true) => Some(harbor),
        (true, false) => Some(nodes),
        (true, true) if state != "unreachable" || inventory.nodes.iter().any(|node| node.state != "unreachable") => {
            Some(format!("{nodes}, and {harbor}"))
        }
        (true, true) => Some(match &inventory.nodes[..] {
            [node] => format!("Neither {} nor Harbor answered", name(options, node)),
            _ => "Neither the nodes nor Harbor answered".to_owned(),
        }),
    }
}

/// Whether there is nothing that could be shown, whatever is asked.
pub(super) fn is_nothing_known(inventory: &Inventory) -> bool {
    all_rows(inventory) == 0
        && (lacks_nodes(inventory) || inventory.nodes.is_empty())
        && (lacks_harbor(inventory) || !is_judged(inventory))
}

/// The answer of the whole page in one sentence.
pub(super) fn summary(options: &Options, inventory: &Inventory, is_narrowed: bool) -> String {
    let silent = missing_sources(options, inventory);
    if !is_judged(inventory) {
        return match silent {
            Some(silent) => format!("{silent}, and Harbor is not configured, so nothing is known."),
            None => "Harbor is not configured, so nothing is judged: these are the images on the nodes.".to_owned(),
        };
    }
    if let Some(silent) = silent.as_ref().filter(|_| is_nothing_known(inventory)) {
        return format!("{silent}, so nothing is known.");
    }
    let all = all_rows(inventory);
    let (none, found) = if is_narrowed { ("no image is found", " found") } else { ("there is no image", "") };
    let on_nodes = all.saturating_sub(rows(inventory, "on_no_node"));
    let all_answered = inventory.nodes.iter().all(|node| has_rows(&node.state));
    let place = if all_answered { "on the nodes" } else { "on the nodes that answered" };
    // Where all nodes have old rows only, what else Harbor has can't be told from what is on a node now.
    let is_old = !inventory.nodes.is_empty() && !inventory.nodes.iter().any(|node| node.state == "answered");
    let held = format!(
        "{}{found}{}{}",
        plural(on_nodes, "image"),
        if is_old { "" } else { " " },
        if is_old { "" } else { place }
    );
    let parts: Vec<String> = VERDICTS
        .iter()
        .filter_map(|verdict| {
            let (number, phrase) = (rows(inventory, &verdict.name), verdict.phrase.as_ref()?);
            (number > 0).then(|| format!("{} {phrase}", count(number)))
        })
        .collect();
    match (silent, list(&parts)) {
        (Some(silent), _) if lacks_nodes(inventory) && all == 0 => format!("{silent}, and {none} in Harbor."),
        (Some(silent), _) if lacks_nodes(inventory) => {
            format!("{silent}; {}{found} in Harbor can't be compared.", plural(all, "image"))
        }
        (Some(silent), _) if on_nodes == 0 => format!("{silent}, and {none} {place}."),
        (Some(silent), parts) if parts.is_empty() => format!("{silent}; none of {held} comes from there."),
        (Some(silent), parts) => format!("{silent}; of {held}, {parts}."),
        (None, parts) if !parts.is_empty() => format!("Of {held}, {parts}."),
        _ if all == 0 && is_narrowed => "No image is found.".to_owned(),
        _ if all == 0 => format!("There is no image {place}, and none in Harbor."),
        _ if on_nodes == 0 => format!("None of {} is on a node that answered.", plural(all, "image")),
        _ if all_answered => format!("All is well: of {held}, none is missing and none has drifted."),
        _ => format!("Of {held}, none is missing and none has drifted."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(nodes: &[&str], registry: Option<&str>, counts: &[(&str, u64)]) -> Inventory {
        let nodes: Vec<_> = nodes.iter().map(|state| serde_json::json!({"name": "vm", "state": state})).collect();
        let counts: serde_json::Map<_, _> =
            counts.iter().map(|(name, rows)| ((*name).to_owned(), (*rows).into())).collect();
        let registry = registry.map(|state| serde_json::json!({"state": state}));
        serde_json::from_value(serde_json::json!({"nodes": nodes, "registry": registry, "counts": counts})).unwrap()
    }

    #[test]
    fn the_sentence_says_who_did_not_answer_and_nothing_of_what_that_one_has() {
        let down = Some("unreachable");
        let well = Some("answered");
        for (nodes, registry, counts, sentence) in [
            (&["unreachable"][..], down, &[][..], "Neither vm nor Harbor answered, so nothing is known."),
            (&["unreachable"; 2], down, &[], "Neither the nodes nor Harbor answered, so nothing is known."),
            (
                &["waiting"],
                Some("denied"),
                &[],
                "vm is still being read, and Harbor refused the login, so nothing is known.",
            ),
            (&["unreachable"], None, &[], "vm did not answer, and Harbor is not configured, so nothing is known."),
            (&[], down, &[], "Harbor did not answer, so nothing is known."),
            (&["unreachable"], well, &[("unknown", 7)], "vm did not answer; 7 images in Harbor can't be compared."),
            (
                &["unreachable", "denied"],
                well,
                &[("unknown", 7)],
                "No node answered; 7 images in Harbor can't be compared.",
            ),
            (&["unreachable"], well, &[], "vm did not answer, and there is no image in Harbor."),
            (
                &["answered"],
                down,
                &[("unknown", 4)],
                "Harbor did not answer; of 4 images on the nodes, 4 can't be judged.",
            ),
            (
                &["answered"],
                down,
                &[("foreign", 4)],
                "Harbor did not answer; none of 4 images on the nodes comes from there.",
            ),
            (&["answered"], Some("denied"), &[], "Harbor refused the login, and there is no image on the nodes."),
            (
                &["answered", "unreachable"],
                well,
                &[("in_sync", 4)],
                "Of 4 images on the nodes that answered, none is missing and none has drifted.",
            ),
            (&["stale"], well, &[("in_sync", 4), ("unknown", 3)], "Of 7 images, 3 can't be judged."),
            (&["answered"], well, &[("on_no_node", 1)], "None of 1 image is on a node that answered."),
            (&["answered"], well, &[], "There is no image on the nodes, and none in Harbor."),
        ] {
            let options = Options::read(|_| None);
            assert_eq!(summary(&options, &inventory(nodes, registry, counts), false), sentence);
        }
    }

    #[test]
    fn a_zero_is_shown_only_where_it_is_known() {
        for (nodes, registry, counts, shown) in [
            ("answered", Some("answered"), &[][..], [Some(0); 3]),
            ("unreachable", Some("unreachable"), &[], [None; 3]),
            ("unreachable", Some("answered"), &[("unknown", 7)], [None, Some(7), None]),
            ("answered", Some("unreachable"), &[("unknown", 4)], [None, Some(4), None]),
            ("stale", Some("stale"), &[], [Some(0); 3]),
            ("answered", None, &[], [None; 3]),
        ] {
            let inventory = inventory(&[nodes], registry, counts);
            assert_eq!(["missing", "unknown", "on_no_node"].map(|verdict| number_of(&inventory, verdict)), shown);
        }
    }
}
