//! The body of an answer, read whole: within the bound of one answer, and within the memory of the program.

use super::answer_room::Place;
use super::error::SendError;
use super::failure::Failure;
use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use image_service_config::duration::deadline;
use image_service_memory::{BUDGET, Exhausted, Purpose};
use image_service_telemetry::source::FailureKind;
use std::time::Duration;

/// Longest wait for the memory of a piece of the body. Other work may end meanwhile.
const MEMORY_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads a body of at most `max` bytes, as far as there is room for it in its place.
pub(super) async fn collect<B>(body: B, max: usize, place: &Place) -> Result<Bytes, Failure>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut body = Limited::new(body, max);
    let (mut pieces, mut length) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error {
            error if error.is::<LengthLimitError>() => SendError::too_large(max).into(),
            error => Failure::broken_off(&*error),
        })?;
        if let Ok(piece) = frame.into_data() {
            length = length.saturating_add(piece.len());
            if !place.may_hold(length) {
                return Err(SendError::too_large(length).into());
            }
            take(piece.len()).await?;
            pieces.push(piece);
        }
    }
    if pieces.len() > 1 {
        take(length).await?;
        return Ok(pieces.concat().into());
    }
    Ok(pieces.pop().unwrap_or_default())
}

async fn take(bytes: usize) -> Result<(), SendError> {
    let taken = BUDGET.wait_for(bytes as u64, Purpose::Continue, deadline(MEMORY_TIMEOUT)).await;
    taken.map_err(no_memory)
}

/// The error where the program has no memory for an answer.
pub(super) fn no_memory(exhausted: Exhausted) -> SendError {
    SendError::failed(FailureKind::TooLarge, format!("there is no memory for the answer: {exhausted}"))
}
