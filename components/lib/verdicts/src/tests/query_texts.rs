//! Queries as clients write them.

use crate::query::{MAX_VALUES, PARAMETERS, Query, Sort};
use crate::{Problem, Verdict};

fn refused(query: &str) -> (String, Problem, String) {
    let error = Query::parse(query).unwrap_err();
    (error.parameter, error.problem, error.allowed)
}

#[test]
fn a_refusal_names_the_parameter_and_what_is_allowed() {
    for (query, parameter, value, allowed) in [
        ("limit=0", "limit", "0", "a number from 1 to 1000"),
        ("limit=1000000", "limit", "1000000", "a number from 1 to 1000"),
        ("limit=-1", "limit", "-1", "a number from 1 to 1000"),
        ("limit=ten", "limit", "ten", "a number from 1 to 1000"),
        ("sort=age", "sort", "age", "name, size, nodes, pushed, verdict, digest"),
        ("order=up", "order", "up", "asc, desc"),
        ("source=podman", "source", "podman", "containerd, harbor"),
        ("cursor=nonsense", "cursor", "nonsense", "the value of next of the same query, or none to begin again"),
    ] {
        let expected = (parameter.to_owned(), Problem::Value(value.to_owned()), allowed.to_owned());
        assert_eq!(refused(query), expected, "{query}");
    }
    let (parameter, _, allowed) = refused("verdict=missing,nonsense");
    assert_eq!((parameter.as_str(), allowed.split(", ").count()), ("verdict", 9));
    assert_eq!(
        Query::parse("limit=0").unwrap_err().to_string(),
        "The parameter limit can't be \"0\". Allowed: a number from 1 to 1000."
    );
}

#[test]
fn an_unknown_parameter_is_refused() {
    assert_eq!(refused("_=17"), ("_".to_owned(), Problem::Unknown, PARAMETERS.to_owned()));
    assert_eq!(refused("Q=a").0, "Q");
}

#[test]
fn a_single_value_may_not_come_twice() {
    assert_eq!(refused("limit=1&limit=2").1, Problem::Repeated);
}

#[test]
fn a_regular_expression_is_no_word() {
    for query in
        ["q=app.*", "q=%5Eapp", "q=app%24", "q=%28a%7Cb%29", "q=%5Ba-z%5D", "q=a%2B", "q=a%7B2%7D", "q=%5Cd", "q=a%3F"]
    {
        assert_eq!(refused(query).0, "q", "{query}");
    }
    assert!(Query::parse("q=h.example:443/team/app-1_2@sha256:ab+%3Cnone%3E").is_ok());
}

#[test]
fn words_and_filters_are_collected() {
    let query =
        Query::parse("q=PyTorch+2.3&q=team&node=a,b&node=c&registry=H.example:443&verdict=drifted,missing&tag=")
            .unwrap();
    assert_eq!(query.filters.words, ["pytorch", "2.3", "team"]);
    assert_eq!(query.filters.nodes, ["a", "b", "c"]);
    assert_eq!(query.filters.registries, ["h.example"]);
    assert_eq!(query.filters.verdicts, [Verdict::Missing, Verdict::Drifted].into_iter().collect());
    assert_eq!((query.filters.tags.len(), query.sort, query.has_limit()), (0, Sort::Name, false));
}

#[test]
fn too_many_words_are_refused() {
    let words: Vec<String> = (0..=MAX_VALUES).map(|word| word.to_string()).collect();
    assert_eq!(refused(&format!("q={}", words.join("+"))).0, "q");
    assert_eq!(refused(&format!("tag={}", words.join(","))).0, "tag");
}

#[test]
fn queries_for_the_same_rows_have_the_same_hash() {
    let hash = |query| Query::parse(query).unwrap().hash();
    assert_eq!(hash("q=a&limit=1"), hash("limit=2&q=A"));
    assert_ne!(hash("q=a"), hash("q=b"));
    assert_ne!(hash("sort=size"), hash("sort=size&order=desc"));
    assert_ne!(hash("tag=a"), hash("node=a"));
}
