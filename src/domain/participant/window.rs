//! A page of a list that is seen item by item, in any order, and never as a whole: what it holds
//! is bounded by the size of the page.

use std::collections::BTreeMap;

/// Which page: where it begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PagePlace {
    /// The first one.
    First,
    /// The items right behind this place.
    After(u64),
    /// The items right before this place.
    Before(u64),
}

/// Collects a page. Items have unique places; the page shows them from the lowest place on.
#[derive(Debug)]
pub struct Window<T> {
    place: PagePlace,
    limit: usize,
    /// The page, and one item beyond it when there is one.
    items: BTreeMap<u64, T>,
    /// Something stands on the other side of the place.
    other_side: bool,
    seen: u64,
}

/// A collected page.
#[derive(Debug, PartialEq, Eq)]
pub struct Paged<T> {
    /// The items with their places, in order.
    pub items: Vec<(u64, T)>,
    /// How many items were seen in all.
    pub total: u64,
    /// The page behind, when there is one.
    pub next: Option<PagePlace>,
    /// The page before, when there is one.
    pub previous: Option<PagePlace>,
}

impl<T> Window<T> {
    /// An empty page of at most `limit` items.
    #[must_use]
    pub const fn new(place: PagePlace, limit: usize) -> Self {
        Self { place, limit, items: BTreeMap::new(), other_side: false, seen: 0 }
    }

    /// Sees an item; `make` is called when it may be on the page.
    pub fn see(&mut self, at: u64, make: impl FnOnce() -> T) {
        self.seen += 1;
        let (mine, backwards) = match self.place {
            PagePlace::First => (true, false),
            PagePlace::After(place) => (at > place, false),
            PagePlace::Before(place) => (at < place, true),
        };
        if !mine {
            self.other_side = true;
            return;
        }
        let farthest = if backwards { self.items.keys().next() } else { self.items.keys().next_back() };
        let full = self.items.len() > self.limit;
        if full && farthest.is_some_and(|&far| if backwards { at < far } else { at > far }) {
            return;
        }
        self.items.insert(at, make());
        if self.items.len() > self.limit + 1 {
            drop(if backwards { self.items.pop_first() } else { self.items.pop_last() });
        }
    }

    /// The page.
    #[must_use]
    pub fn page(mut self) -> Paged<T> {
        let backwards = matches!(self.place, PagePlace::Before(_));
        let more = self.items.len() > self.limit;
        if more {
            drop(if backwards { self.items.pop_first() } else { self.items.pop_last() });
        }
        let (before, behind) = if backwards { (more, self.other_side) } else { (self.other_side, more) };
        let ends = (self.items.keys().next().copied(), self.items.keys().next_back().copied());
        Paged {
            next: ends.1.filter(|_| behind).map(PagePlace::After),
            previous: ends.0.filter(|_| before).map(PagePlace::Before),
            items: self.items.into_iter().collect(),
            total: self.seen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn collect(places: &[u64], place: PagePlace, limit: usize) -> Paged<u64> {
        let mut window = Window::new(place, limit);
        places.iter().for_each(|&at| window.see(at, || at * 10));
        assert!(window.items.len() <= limit + 1, "it holds a page and no more");
        window.page()
    }

    proptest! {
        #[test]
        fn pages_put_together_are_the_whole_list_there_and_back(
            places in prop::collection::btree_set(0u64..200, 0..60).prop_map(|set| set.into_iter().collect::<Vec<_>>()),
            order in any::<u64>(),
            limit in 1usize..12,
        ) {
            let mut shuffled = places.clone();
            shuffled.sort_by_key(|at| at.wrapping_mul(order | 1).rotate_left(13));
            let (mut seen, mut pages, mut place) = (Vec::new(), 0, PagePlace::First);
            let mut back = None;
            loop {
                let page = collect(&shuffled, place, limit);
                prop_assert_eq!(page.total, places.len() as u64);
                prop_assert_eq!(page.previous.is_some(), !seen.is_empty() && !page.items.is_empty());
                seen.extend(page.items.iter().map(|(at, item)| { assert_eq!(*item, at * 10); *at }));
                pages += 1;
                back = page.previous.or(back);
                match page.next { Some(next) => place = next, None => break }
            }
            prop_assert_eq!(&seen, &places);
            prop_assert_eq!(pages, places.len().div_ceil(limit).max(1));

            // From the last page back to the first: the same items, each once.
            let last: Vec<_> = places.chunks(limit).last().unwrap_or_default().to_vec();
            let mut known: BTreeSet<u64> = last.into_iter().collect();
            let mut place = back.filter(|_| pages > 1);
            while let Some(before) = place {
                let page = collect(&shuffled, before, limit);
                prop_assert!(page.next.is_some());
                for (at, _) in &page.items { prop_assert!(known.insert(*at)); }
                place = page.previous;
            }
            prop_assert_eq!(known.into_iter().collect::<Vec<_>>(), places);
        }
    }
}
