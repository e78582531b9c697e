//! Listings while Harbor changes, of which the store refuses commits, and two at a time: the next one in peace gives the rows of
//! a whole listing.

use super::kept::{HOUR, Step, apply, kept, name, step, whole};
use super::marking_harbor::MarkingHarbor;
use super::memory_store::MemoryStore;
use super::*;
use futures::join;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

/// One listing.
#[derive(Clone, Debug)]
struct Round {
    before: Vec<Step>,
    /// Each after so many more requests.
    during: Vec<(usize, Step)>,
    /// Commits that the store takes.
    commits: Option<usize>,
    /// A repository whose list fails.
    fails: Option<u8>,
    /// Whether a listing in peace follows.
    peace: bool,
}

fn round() -> impl Strategy<Value = Round> {
    let during = vec((1_usize..8, step()), 0..6);
    let (commits, fails) = (weighted(0.2, 0_usize..3), weighted(0.4, any::<u8>()));
    (vec(step(), 0..6), during, commits, fails, any::<bool>())
        .prop_map(|(before, during, commits, fails, peace)| Round { before, during, commits, fails, peace })
}

async fn listing(harbor: &MarkingHarbor, store: &MemoryStore) -> Collected {
    let mut collected = Collected::default();
    let limits = Limits { page_size: 2, ..limits(Detail::Tags) };
    run(harbor, store, limits, Some(HOUR), None, 0, &mut collected).await;
    collected
}

fn happen(harbor: &MarkingHarbor, store: &MemoryStore, step: &Step) {
    // Some minutes, so that refreshes ask for the latest changes only.
    harbor.wait(400);
    if let Step::Wait(seconds) = step {
        harbor.wait(*seconds);
        store.age.set(store.age.get() + *seconds as u64);
    }
    apply(harbor, step);
    // Harbor's marks are no finer than its clock: two changes at one moment look like one.
    harbor.wait(1);
}

/// The path of a repository's list of artifacts.
fn artifacts_of(full_name: &str) -> String {
    let (project, name) = full_name.split_once('/').unwrap();
    format!("/projects/{project}/repositories/{}/artifacts", name.replace('/', "%252F"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn after_listings_during_which_harbor_changes_kept_rows_are_those_of_a_whole_listing(rounds in vec(round(), 1..8)) {
        let (harbor, store) = (MarkingHarbor::new(), MemoryStore::default());
        (0..8).for_each(|number| happen(&harbor, &store, &Step::Push(number)));
        for Round { before, during, commits, fails, peace } in rounds {
            before.iter().for_each(|step| happen(&harbor, &store, step));
            for (requests, step) in during {
                let change: super::marking_harbor::Meanwhile = Box::new(move |harbor| {
                    harbor.wait(1);
                    apply(harbor, &step);
                    harbor.wait(1);
                });
                harbor.later.borrow_mut().push_back((requests, change));
            }
            store.commits_left.set(commits);
            *harbor.fails.borrow_mut() = fails.map(|number| artifacts_of(&name(number)));
            block_on(listing(&harbor, &store));
            harbor.later.borrow_mut().clear();
            store.commits_left.set(None);
            *harbor.fails.borrow_mut() = None;
            if peace {
                let collected = kept(&harbor, &store);
                prop_assert_eq!((collected.rows, collected.errors), (whole(&harbor), vec![]));
            }
        }
        let collected = kept(&harbor, &store);
        prop_assert_eq!((collected.rows, collected.errors), (whole(&harbor), vec![]));
        let warnings = store.warnings.take();
        prop_assert!(warnings.iter().all(|warning| warning.contains("killed")), "{:?}", warnings);
    }

    #[test]
    fn two_listings_at_a_time_both_give_the_rows_of_a_whole_listing(rounds in vec((vec(step(), 0..6), 0_usize..40), 1..8)) {
        let (harbor, store) = (MarkingHarbor::new(), MemoryStore::default());
        (0..8).for_each(|number| happen(&harbor, &store, &Step::Push(number)));
        for (before, delay) in rounds {
            before.iter().for_each(|step| happen(&harbor, &store, step));
            let expected = whole(&harbor);
            harbor.yields.set(true);
            store.yields.set(true);
            let second = async {
                for _ in 0..delay {
                    super::marking_harbor::yield_now().await;
                }
                listing(&harbor, &store).await
            };
            let (one, other) = block_on(async { join!(listing(&harbor, &store), second) });
            harbor.yields.set(false);
            store.yields.set(false);
            for collected in [one, other] {
                prop_assert_eq!((collected.rows, collected.errors), (expected.clone(), vec![]));
            }
        }
        prop_assert!(store.warnings.borrow().is_empty(), "{:?}", store.warnings.borrow());
    }
}
