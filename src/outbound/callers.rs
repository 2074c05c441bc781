//! Tasks that make calls, kept from one call to the next. The future of a call is some kilobytes: a task of
//! its own for each call would ask the allocator for so much, and move it there, which is a tenth of what
//! the call costs (`cargo bench --bench benches -- webhooks`).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::sync::Notify;

use crate::outbound::WebhookClient;

/// Tasks that are kept with nothing to do: as many as one busy receiver gives work to, several times over.
const IDLE_CALLERS: usize = 64;

/// Something to be done with a client.
pub trait Call: 'static {
    /// Does it, and tells whoever wants to know.
    fn make(self, client: &WebhookClient) -> impl Future<Output = ()>;
}

/// The tasks of one thread. Any number of calls is made side by side: whoever gives them bounds that.
pub struct Callers<C>(Rc<Shared<C>>);

struct Shared<C> {
    client: WebhookClient,
    /// Given, and not begun; there is a task on its way to each.
    given: RefCell<VecDeque<C>>,
    /// Tasks that wait and were not woken.
    idle: Cell<usize>,
    wake: Notify,
}

impl<C: Call> Callers<C> {
    /// Tasks that call with this client; none is there yet.
    #[must_use]
    pub fn new(client: WebhookClient) -> Self {
        let (given, idle) = (RefCell::default(), Cell::new(0));
        Self(Rc::new(Shared { client, given, idle, wake: Notify::new() }))
    }

    /// Begins a call, on a thread that runs local tasks of tokio.
    pub fn give(&self, call: C) {
        let shared = &self.0;
        shared.given.borrow_mut().push_back(call);
        match shared.idle.get().checked_sub(1) {
            Some(left) => {
                shared.idle.set(left);
                shared.wake.notify_one();
            }
            None => drop(tokio::task::spawn_local(Rc::clone(shared).work())),
        }
    }
}

impl<C: Call> Shared<C> {
    async fn work(self: Rc<Self>) {
        loop {
            let next = self.given.borrow_mut().pop_front();
            match next {
                Some(call) => call.make(&self.client).await,
                None if self.idle.get() >= IDLE_CALLERS => return,
                None => {
                    self.idle.set(self.idle.get() + 1);
                    self.wake.notified().await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use tokio::task::LocalSet;

    use super::*;
    use crate::outbound::Options;

    /// Says that it runs, and runs until all may end.
    struct Long(Rc<Cell<usize>>, Rc<Notify>, tokio::sync::watch::Receiver<bool>);

    impl Call for Long {
        async fn make(mut self, _: &WebhookClient) {
            self.0.set(self.0.get() + 1);
            self.1.notify_one();
            drop(self.2.wait_for(|end| *end).await);
            self.0.set(self.0.get() - 1);
            self.1.notify_one();
        }
    }

    #[tokio::test]
    async fn every_call_begins_at_once_and_few_tasks_are_kept() {
        rustls::crypto::ring::default_provider().install_default().ok();
        let callers = Callers::new(WebhookClient::new(Options::default()).unwrap());
        let (running, news) = (Rc::new(Cell::new(0)), Rc::new(Notify::new()));
        let story = async {
            // The second time on tasks that were kept, and on more of them than there are.
            for calls in [IDLE_CALLERS / 2, 3 * IDLE_CALLERS, IDLE_CALLERS + 1] {
                let (end, ended) = tokio::sync::watch::channel(false);
                (0..calls).for_each(|_| {
                    callers.give(Long(Rc::clone(&running), Rc::clone(&news), ended.clone()));
                });
                while running.get() < calls {
                    news.notified().await;
                }
                end.send_replace(true);
                while running.get() > 0 {
                    news.notified().await;
                }
                tokio::task::yield_now().await;
                assert_eq!(callers.0.idle.get(), calls.min(IDLE_CALLERS));
                assert!(callers.0.given.borrow().is_empty());
            }
        };
        let deadline = std::time::Duration::from_secs(20);
        assert!(tokio::time::timeout(deadline, LocalSet::new().run_until(story)).await.is_ok());
    }
}
