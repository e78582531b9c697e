//! Lists that change at any request: a row that was there throughout is given once, or a failure is told.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

const APP: &str = "/projects/p/repositories/app/artifacts";
const ROWS: u64 = 60;

#[derive(Clone, Debug)]
enum Change {
    Push,
    Delete(usize),
}

fn changes() -> impl Strategy<Value = Vec<Vec<Change>>> {
    let change = prop_oneof![1 => Just(Change::Push), 2 => any::<usize>().prop_map(Change::Delete)];
    vec(prop_oneof![2 => Just(vec![]), 1 => vec(change, 1..8)], 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_row_is_lost_without_a_failure_and_none_given_twice_while_a_list_changes(
        changes in changes(),
        buffered_rows in prop_oneof![Just(0_usize), Just(30), Just(5_000)],
        by_project in any::<bool>(),
    ) {
        let mut fake = FakeHarbor::with(NEW, by_project, &[]);
        if by_project {
            fake = fake.with_costs(0.01);
            fake.push("p/other", "sha256:other", 1, &["other"]);
        }
        for n in 0..ROWS {
            fake.push("p/app", &format!("sha256:{n:04}"), 2 + n, &[&format!("t{n:04}")]);
        }
        let throughout = Rc::new(RefCell::new((0..ROWS).map(|n| format!("p/app:t{n:04}")).collect::<BTreeSet<_>>()));
        let (left, next) = (RefCell::new(VecDeque::from(changes.clone())), Cell::new(ROWS));
        let there = Rc::clone(&throughout);
        fake.meanwhile = Some(Box::new(move |fake, _, path| {
            if !path.ends_with("/artifacts") {
                return;
            }
            for change in left.borrow_mut().pop_front().unwrap_or_default() {
                match change {
                    Change::Push => {
                        let n = next.replace(next.get() + 1);
                        fake.push("p/app", &format!("sha256:{n:04}"), 2 + n, &[&format!("t{n:04}")]);
                    }
                    Change::Delete(place) => {
                        let mut lists = fake.lists.borrow_mut();
                        let list = lists.get_mut(APP).unwrap();
                        if list.is_empty() {
                            continue;
                        }
                        let gone = list.remove(place % list.len());
                        if let Some(list) = lists.get_mut("/projects/p/artifacts") {
                            list.retain(|row| row["digest"] != gone["digest"]);
                        }
                        there.borrow_mut().remove(&format!("p/app:{}", gone["tags"][0]["name"].as_str().unwrap()));
                    }
                }
            }
            fake.count_all();
        }));
        let collected = listed(&fake, 5, buffered_rows, None);
        let unique: BTreeSet<&String> = collected.rows.iter().collect();
        prop_assert_eq!(unique.len(), collected.rows.len());
        let lost: Vec<String> = throughout.borrow().iter().filter(|row| !unique.contains(row)).cloned().collect();
        prop_assert!(lost.is_empty() || !collected.errors.is_empty(), "lost {:?}", lost);
        prop_assert!(fake.asked.borrow().len() < 500, "{} requests", fake.asked.borrow().len());
    }
}
