//! Who may come in: how many connections at once, how many of one address, and who goes when one more comes.
//!
//! A connection rests while none of its requests is worked on: before its first head is whole, and between requests.
//! When all places are taken, the one that has rested longest is closed for the new one, those first that never sent a
//! request: those who hold connections open and say nothing, or say it byte by byte, keep nobody out. When none rests,
//! the new one is turned away.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// The places of one listener. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doors(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    open: usize,
    by_address: HashMap<IpAddr, usize>,
    /// In the order in which they should go: those without a request first, then by how long they rest.
    resting: BTreeMap<(Rest, u64), Resting>,
    next: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rest {
    BeforeItsFirst,
    BetweenTwo,
}

#[derive(Debug)]
struct Resting {
    address: IpAddr,
    go: CancellationToken,
}

/// All places are taken by connections that work.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Doors {
    /// Lets one in, at the cost of one that rests if there must be.
    pub(crate) fn enter(&self, peer: IpAddr, most: usize, of_one: usize) -> Result<Entry, Full> {
        let address = network(peer);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.by_address.get(&address).is_some_and(|count| *count >= of_one) {
            state.send_off(|resting| resting.address == address)?;
        }
        if state.open >= most {
            state.send_off(|_| true)?;
        }
        state.open = state.open.saturating_add(1);
        let count = state.by_address.entry(address).or_default();
        *count = count.saturating_add(1);
        let go = CancellationToken::new();
        let place = state.rest(Rest::BeforeItsFirst, address, &go);
        Ok(Entry { doors: self.clone(), address, go, place: Mutex::new(Some(place)) })
    }

    /// Closes the one that should go first, if any rests; its descriptor is free a little later.
    pub(crate) fn make_room(&self) {
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).send_off(|_| true);
    }
}

impl State {
    fn rest(&mut self, rest: Rest, address: IpAddr, go: &CancellationToken) -> (Rest, u64) {
        self.next = self.next.wrapping_add(1);
        let place = (rest, self.next);
        self.resting.insert(place, Resting { address, go: go.clone() });
        place
    }

    /// Sends off the first of those that rest and are `meant`; it counts as gone at once.
    fn send_off(&mut self, meant: impl Fn(&Resting) -> bool) -> Result<(), Full> {
        let place = self.resting.iter().find(|(_, one)| meant(one)).map(|(place, _)| *place).ok_or(Full)?;
        let Some(one) = self.resting.remove(&place) else { return Err(Full) };
        one.go.cancel();
        self.leave(one.address);
        Ok(())
    }

    fn leave(&mut self, address: IpAddr) {
        self.open = self.open.saturating_sub(1);
        if let Some(count) = self.by_address.get_mut(&address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    doors: Doors,
    address: IpAddr,
    go: CancellationToken,
    /// Where it stands among those that rest.
    place: Mutex<Option<(Rest, u64)>>,
}

impl Entry {
    /// Works from now on, and is not sent off.
    pub(crate) fn works(&self) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = place.take() {
            self.doors.0.lock().unwrap_or_else(PoisonError::into_inner).resting.remove(&place);
        }
    }

    /// Rests from now on, after a request.
    pub(crate) fn rests(&self) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_none() && !self.go.is_cancelled() {
            let mut state = self.doors.0.lock().unwrap_or_else(PoisonError::into_inner);
            *place = Some(state.rest(Rest::BetweenTwo, self.address, &self.go));
        }
    }

    /// Set when it has to go.
    pub(crate) fn must_go(&self) -> &CancellationToken {
        &self.go
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let place = self.place.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let mut state = self.doors.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = place {
            state.resting.remove(&place);
        }
        // One that was sent off has left its count already.
        if !self.go.is_cancelled() {
            state.leave(self.address);
        }
    }
}

/// An IPv6 client can take any address of its /64, so these count as one.
pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn who_rests_longest_goes_and_who_works_stays() {
        let doors = Doors::default();
        let enter = || doors.enter(ip("192.0.2.1"), 3, 9);
        let (served, silent, working) = (enter().unwrap(), enter().unwrap(), enter().unwrap());
        for entry in [&served, &working] {
            entry.works();
        }
        served.rests();
        let fourth = enter().unwrap();
        let gone = |entry: &Entry| entry.must_go().is_cancelled();
        assert!(gone(&silent) && !gone(&served) && !gone(&working), "the one that never sent anything");
        fourth.works();
        let fifth = enter().unwrap();
        assert!(gone(&served) && !gone(&working));
        fifth.works();
        assert_eq!(enter().unwrap_err(), Full);
        drop((silent, served));
        assert_eq!(enter().unwrap_err(), Full, "those that were sent off do not count twice");
        drop(working);
        enter().unwrap();
    }

    #[test]
    fn one_address_cannot_take_all() {
        let doors = Doors::default();
        let enter = |from: &str| doors.enter(ip(from), 10, 2);
        let held: Vec<Entry> = ["2001:db8::1", "2001:db8::2"].map(|from| enter(from).unwrap()).into();
        held.iter().for_each(Entry::works);
        assert_eq!(enter("2001:db8::3").unwrap_err(), Full, "one /64");
        let other = enter("2001:db8:0:1::1").unwrap();
        let mapped = [enter("192.0.2.7").unwrap(), enter("::ffff:192.0.2.7").unwrap()];
        let third = enter("192.0.2.7").unwrap();
        assert!(mapped[0].must_go().is_cancelled() && !other.must_go().is_cancelled());
        drop((held, other, mapped, third));
        let state = doors.0.lock().unwrap();
        assert_eq!((state.open, state.by_address.len(), state.resting.len()), (0, 0, 0));
    }
}
