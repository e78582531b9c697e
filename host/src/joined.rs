//! One question for all who ask it at the same time.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The question under way, whose outcome all who wait for it share.
#[derive(Debug)]
pub(crate) struct Joined<T>(Slot<T>);

type Slot<T> = Arc<Mutex<Option<watch::Receiver<Option<T>>>>>;

impl<T> Default for Joined<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone + Send + Sync + 'static> Joined<T> {
    /// The outcome of the question under way, or of a new one; `None` where the program failed on the way, which the log tells. A
    /// question goes on when those who asked leave. Nobody gets the outcome of one that had ended before: it may be old.
    pub(crate) async fn ask<F>(&self, question: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut outcome = self.join(question);
        outcome.wait_for(Option::is_some).await.ok()?.clone()
    }

    fn join<F>(&self, question: impl FnOnce() -> F) -> watch::Receiver<Option<T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = under_way.as_ref() {
            return present.clone();
        }
        let (sender, receiver) = watch::channel(None);
        let (question, end) = (question(), End(Arc::clone(&self.0)));
        tokio::spawn(async move {
            let outcome = question.await;
            // Whoever asks from now on asks anew.
            drop(end);
            sender.send_replace(Some(outcome));
        });
        *under_way = Some(receiver.clone());
        receiver
    }
}

/// The question is no longer under way once this is dropped, be it by a panic.
struct End<T>(Slot<T>);

impl<T> Drop for End<T> {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    /// A question whose outcome is how often it was asked, and which ends as the test lets it.
    struct Counted {
        joined: Joined<usize>,
        asked: Arc<AtomicUsize>,
        ends: Arc<Semaphore>,
    }

    impl Counted {
        fn new() -> Self {
            Self { joined: Joined::default(), asked: Arc::default(), ends: Arc::new(Semaphore::new(0)) }
        }

        async fn ask(&self) -> Option<usize> {
            let (asked, ends) = (Arc::clone(&self.asked), Arc::clone(&self.ends));
            let question = || async move {
                let number = asked.fetch_add(1, Ordering::Relaxed) + 1;
                ends.acquire().await.unwrap().forget();
                number
            };
            self.joined.ask(question).await
        }
    }

    #[tokio::test]
    async fn all_who_ask_at_the_same_time_get_the_outcome_of_one_question() {
        let counted = Counted::new();
        counted.ends.add_permits(1);
        assert_eq!(tokio::join!(counted.ask(), counted.ask()), (Some(1), Some(1)));
        counted.ends.add_permits(1);
        assert_eq!(counted.ask().await, Some(2), "the next question is a new one");
    }

    #[tokio::test]
    async fn an_outcome_that_nobody_waited_for_is_not_the_answer_to_a_later_question() {
        let counted = Counted::new();
        assert!(counted.ask().now_or_never().is_none(), "it leaves");
        counted.ends.add_permits(1);
        while counted.joined.0.lock().unwrap().is_some() {
            tokio::task::yield_now().await;
        }
        counted.ends.add_permits(1);
        assert_eq!(counted.ask().await, Some(2));
    }

    #[tokio::test]
    async fn a_question_that_panics_has_no_outcome_and_the_next_one_has() {
        let joined = Joined::default();
        assert_eq!(joined.ask(|| async { panic!("told to") }).await, None::<usize>);
        assert_eq!(joined.ask(|| async { 7 }).await, Some(7));
    }
}
