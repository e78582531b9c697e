//! Which idle connections give way to new ones, when as many are open as may be.

use crate::client::Client;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

/// A connection, as the choice sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<K> {
    pub(super) key: K,
    pub(super) client: Client,
    /// How long it has been idle; `None` for one that has to stay.
    pub(super) idle: Option<Duration>,
    /// The number of connections that the server had accepted before it.
    pub(super) number: u64,
}

/// Chooses up to so many idle connections: always of the client that has the most connections, the one that has been idle for
/// longest; of those, the oldest.
pub(super) fn choose<K: Copy>(candidates: &[Candidate<K>], how_many: usize) -> Vec<K> {
    let mut of_client: HashMap<Client, (usize, BinaryHeap<_>)> = HashMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let (connections, idle) = of_client.entry(candidate.client).or_default();
        *connections = connections.saturating_add(1);
        idle.extend(candidate.idle.map(|time| (time, Reverse(candidate.number), index)));
    }
    let mut chosen = Vec::new();
    while chosen.len() < how_many {
        let with_idle = of_client.values_mut().filter(|(_, idle)| !idle.is_empty());
        let most = with_idle.max_by_key(|(connections, idle)| (*connections, idle.peek().copied()));
        let Some((connections, idle)) = most else { break };
        *connections = connections.saturating_sub(1);
        chosen.extend(idle.pop().map(|(_, _, index)| candidates[index].key));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    /// Connections of these clients, as letters, that have been idle for so many seconds; negative is busy.
    fn chosen(connections: &[(u8, i64)], how_many: usize) -> Vec<usize> {
        let candidates: Vec<_> = connections
            .iter()
            .enumerate()
            .map(|(key, (client, idle))| Candidate {
                key,
                client: Client::of(Some(IpAddr::from([127, 0, 0, *client]))),
                idle: u64::try_from(*idle).ok().map(Duration::from_secs),
                number: key as u64,
            })
            .collect();
        choose(&candidates, how_many)
    }

    #[test]
    fn of_one_client_the_connection_that_has_been_idle_for_longest_gives_way() {
        assert_eq!(chosen(&[(1, 3), (1, 9), (1, -1), (1, 5)], 2), [1, 3]);
        assert_eq!(chosen(&[(1, 3), (1, 3)], 1), [0], "the older one");
    }

    #[test]
    fn the_client_with_the_most_connections_gives_way_first_although_another_has_been_idle_for_longer() {
        assert_eq!(chosen(&[(1, 60), (2, 1), (2, 2), (2, -1)], 2), [2, 1]);
        assert_eq!(chosen(&[(1, 60), (2, 1), (2, 2)], 2), [2, 0], "then both have one");
    }

    #[test]
    fn connections_with_requests_under_way_never_give_way() {
        assert_eq!(chosen(&[(1, -1), (1, -1), (1, -1), (2, 7)], 9), [3]);
        assert!(chosen(&[], 1).is_empty());
    }
}
