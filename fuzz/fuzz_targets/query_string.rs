//! The query of `/inventory` and `/compare`.

#![no_main]
#![forbid(unsafe_code)]

use libfuzzer_sys::fuzz_target;
use verdicts::Query;

fuzz_target!(|text: &str| {
    match Query::parse(text) {
        Ok(query) => {
            // The same words are the same query, whoever asks again, and all of its pages are one query.
            assert_eq!(Query::parse(text).ok().as_ref(), Some(&query));
            let all = query.of_all_pages();
            assert_eq!(all.of_all_pages(), all);
            // A parameter that does not exist is told, whatever stands before it.
            assert!(Query::parse(&format!("{text}&no_such_parameter=1")).is_err());
        }
        // The refusal says which parameter, and what is allowed.
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
