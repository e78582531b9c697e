//! Panics: bugs of the program. Each is logged and counted, wherever it happens. [`catch`] keeps it to the request, or to the
//! source, that it happened to.

use crate::metrics;
use futures_util::FutureExt;
use std::backtrace::Backtrace;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

/// Something that panicked. The log has the message and the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the program failed (a bug; the log has a line that begins with \"panic at\")")]
pub struct Panicked;

/// Logs and counts each panic from now on, once in the life of the program.
pub fn report() {
    panic::set_hook(Box::new(|panic| {
        metrics::panicked();
        tracing::error!("{}", described(panic));
    }));
}

fn described(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    // The place is often in the standard library, such as that of an addition.
    let stack = Backtrace::force_capture().to_string();
    let function = own_function(&stack).map_or_else(String::new, |function| format!(", called by {function}"));
    format!("panic at {place}{function}: {}", panic.payload_as_str().unwrap_or("without a message"))
}

/// The innermost function of this program below the panic.
fn own_function(stack: &str) -> Option<&str> {
    let functions = stack.lines().filter_map(|line| Some(line.trim_start().split_once(": ")?.1));
    functions.skip_while(|function| !function.contains("rust_begin_unwind")).find(|name| name.contains("image_service"))
}

/// The output of a future. A panic in it is an error. What the future left unfinished is dropped with it; the locks of this
/// program ignore that a thread panicked while it held them.
///
/// # Errors
///
/// When the future panics.
pub async fn catch<F: Future>(future: F) -> Result<F::Output, Panicked> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(|_| Panicked)
}

/// The result of a function, in the same way.
///
/// # Errors
///
/// When it panics.
pub fn catch_call<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    panic::catch_unwind(AssertUnwindSafe(call)).map_err(|_| Panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_library_names_the_function_of_this_program_that_called_it() {
        let stack = "   0: <std::backtrace::Backtrace>::create\n   1: image_service_telemetry::panics::report::{{closure}}\n             \
                     at ./crates/telemetry/src/panics.rs:20\n   2: __rustc::rust_begin_unwind\n   3: core::option::expect_failed\n   \
                     4: <std::time::Instant as core::ops::arith::Add>::add\n   5: image_service::sources::harbor::retry::run\n   \
                     6: tokio::runtime::park::block_on\n   7: image_service::main\n";
        assert_eq!(own_function(stack), Some("image_service::sources::harbor::retry::run"));
        assert_eq!(own_function("disabled backtrace"), None);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_at_the_first_poll_and_after_a_wait() {
        assert_eq!(catch(async { 7 }).await, Ok(7));
        assert_eq!(catch(async { panic!("at once") }).await, Err::<(), _>(Panicked));
        let later = catch(async {
            tokio::task::yield_now().await;
            panic!("later")
        });
        assert_eq!(later.await, Err::<(), _>(Panicked));
        assert_eq!(catch_call(|| panic!("now")), Err::<(), _>(Panicked));
        assert_eq!(catch_call(|| 7), Ok(7));
    }
}
