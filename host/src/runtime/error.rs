//! The errors of a request to a composition.

use super::admission::Overloaded;

/// Why a composition gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More requests are under way than the limits allow.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The composition did not begin the answer in time.
    #[error("the composition did not begin an answer within app_config.response_timeout")]
    ResponseTimeout,
    /// The composition trapped, or could not be instantiated.
    #[error(transparent)]
    Failed(anyhow::Error),
}
