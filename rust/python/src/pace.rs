//! The short way through what a host's traders share, for `store/pacing.py`.
//!
//! `src/steelyard/wire/budget.py` has the rules and the layout of a party's state. This takes what
//! nearly every request is: all is well, and there is room. It refuses nothing: whatever is odd
//! goes the long way, which has the words.

use crc32fast::Hasher;
use pyo3::types::PyBytes;
use pyo3::{Bound, Python, pyfunction};

/// Bytes of a state, of its head, of a tally and of one count that a request is.
pub(crate) const SIZE: usize = 4096;
const HEAD: usize = 84;
const TALLY: usize = 172;
const COUNT: usize = 24;

/// Where things stand in the head.
const TALLIES_AT: usize = 10;
const CHECKSUM_AT: usize = 12;
const IDENTITY_AT: usize = 16;
const OFFSET_AT: usize = 32;
const UPTIME_AT: usize = 40;
const SET_AT: usize = 48;
const STOP_AT: usize = 56;
const BAN_AT: usize = 64;

/// Where things stand in a tally, behind its name.
const SLOT_AT: usize = 8;
const NEWEST_AT: usize = 16;
const FOREIGN_UNTIL_AT: usize = 32;
const FOREIGN_AT: usize = 40;
const SLOTS_AT: usize = 44;

/// How a state begins: magic, and the version of the layout.
const BEGINS: &[u8; TALLIES_AT] = b"STLYPACE\x02\x00";

/// Takes units from a party's state; returns the state that is left, None for the long way.
#[pyfunction]
pub(crate) fn take_units<'py>(
    py: Python<'py>,
    state: &[u8],
    identity: &[u8],
    counts: &[u8],
    now_ns: i64,
    uptime_ns: i64,
) -> Option<Bound<'py, PyBytes>> {
    let mut state = state.try_into().ok()?;
    taken(&mut state, identity, counts, now_ns, uptime_ns)?;
    Some(PyBytes::new(py, &state))
}

/// Takes units from a party's state; None for the long way, and then the state is none any more.
pub(crate) fn taken(
    state: &mut [u8; SIZE],
    identity: &[u8],
    counts: &[u8],
    now_ns: i64,
    uptime_ns: i64,
) -> Option<()> {
    is_whole(state, identity)?;
    let own_ns = may_go(state, now_ns, uptime_ns)?;
    count(state, counts, own_ns)?;
    let checksum = checksum(state)?;
    put(state, CHECKSUM_AT, checksum)
}

/// Takes units as `taken` does, from a state that is known to be whole and to have this rest.
pub(crate) fn taken_again(
    state: &mut [u8; SIZE],
    rest: &Rest,
    counts: &[u8],
    now_ns: i64,
    uptime_ns: i64,
) -> Option<()> {
    let own_ns = may_go(state, now_ns, uptime_ns)?;
    count(state, counts, own_ns)?;
    put(state, CHECKSUM_AT, [0; 4])?;
    let checksum = rest.behind(crc32fast::hash(state.get(..rest.begin)?));
    put(state, CHECKSUM_AT, checksum.to_le_bytes())
}

/// What stands behind a state's tallies, which are zeros, as a checksum goes on over them.
///
/// That is a function of the checksum before in which each bit of it counts for itself.
pub(crate) struct Rest {
    /// Where it begins.
    pub(crate) begin: usize,
    of_nothing: u32,
    of_bits: [u32; 32],
}

impl Rest {
    /// Returns the rest of a state; None where it is something else than zeros.
    pub(crate) fn of(state: &[u8; SIZE]) -> Option<Self> {
        let begin = rest_at(state)?;
        let zeros = state.get(begin..)?;
        if zeros.iter().any(|&byte| byte != 0) {
            return None;
        }
        let over = |before: u32| {
            let mut hasher = Hasher::new_with_initial(before);
            hasher.update(zeros);
            hasher.finalize()
        };
        let of_nothing = over(0);
        let mut bit = 1_u32;
        let of_bits = std::array::from_fn(|_| {
            let found = over(bit) ^ of_nothing;
            bit = bit.rotate_left(1);
            found
        });
        Some(Self { begin, of_nothing, of_bits })
    }

    /// Whether a state has this rest.
    pub(crate) fn is_of(&self, state: &[u8; SIZE]) -> bool {
        rest_at(state) == Some(self.begin)
            && state.get(self.begin..).is_some_and(|it| it.iter().all(|&byte| byte == 0))
    }

    /// Returns a checksum gone on over the rest.
    fn behind(&self, before: u32) -> u32 {
        let mut left = before;
        self.of_bits.iter().fold(self.of_nothing, |found, &of_bit| {
            let is_set = left & 1;
            left = left.rotate_right(1);
            found ^ (of_bit & is_set.wrapping_neg())
        })
    }
}

/// Returns where the tallies of a state end.
fn rest_at(state: &[u8; SIZE]) -> Option<usize> {
    let known = usize::from(u16::from_le_bytes(at(state, TALLIES_AT)?));
    known.checked_mul(TALLY)?.checked_add(HEAD).filter(|&end| end <= SIZE)
}

/// Whether a state is whole and this party's.
pub(crate) fn is_whole(state: &[u8; SIZE], identity: &[u8]) -> Option<()> {
    let whose: [u8; 16] = at(state, IDENTITY_AT)?;
    let is_ours = state.starts_with(BEGINS) && whose == *identity;
    let is_whole = at(state, CHECKSUM_AT) == Some(checksum(state)?);
    (is_ours && is_whole).then_some(())
}

/// Lets the party's own clock go on; returns its time if nobody has said to stop.
fn may_go(state: &mut [u8; SIZE], now_ns: i64, uptime_ns: i64) -> Option<i64> {
    let own_ns = number(state, OFFSET_AT)?.checked_add(uptime_ns)?;
    let is_same_start = number(state, UPTIME_AT)? <= uptime_ns;
    let is_free = own_ns >= number(state, STOP_AT)? && own_ns >= number(state, BAN_AT)?;
    if !(is_same_start && is_free) {
        return None;
    }
    put(state, UPTIME_AT, uptime_ns.to_le_bytes())?;
    put(state, SET_AT, now_ns.checked_sub(own_ns)?.to_le_bytes())?;
    Some(own_ns)
}

/// Enters counts, each (name, units, room); those that were used last stand last.
fn count(state: &mut [u8; SIZE], counts: &[u8], own_ns: i64) -> Option<()> {
    let known = usize::from(u16::from_le_bytes(at(state, TALLIES_AT)?));
    let (_, rest) = state.split_at_mut_checked(HEAD)?;
    let (room, _) = rest.split_at_mut_checked(known.checked_mul(TALLY)?)?;
    for count in counts.chunks_exact(COUNT) {
        let name: [u8; 8] = at(count, 0)?;
        let units = u64::from_le_bytes(at(count, 8)?);
        let most = u64::from_le_bytes(at(count, 16)?);
        let place = room.chunks_exact(TALLY).position(|tally| tally.starts_with(&name))?;
        let from = room.get_mut(place.checked_mul(TALLY)?..)?;
        add(from.first_chunk_mut()?, units, most, own_ns)?;
        from.rotate_left(TALLY);
    }
    Some(())
}

/// Adds units to a tally where they fit.
fn add(tally: &mut [u8; TALLY], units: u64, most: u64, own_ns: i64) -> Option<()> {
    let mut slots = [0_u32; (TALLY - SLOTS_AT) / 4];
    for (slot, bytes) in slots.iter_mut().zip(tally.get(SLOTS_AT..)?.chunks_exact(4)) {
        *slot = u32::from_le_bytes(at(bytes, 0)?);
    }
    let newest = number(tally, NEWEST_AT)?;
    let now = own_ns.checked_div(number(tally, SLOT_AT)?)?;
    if now > newest {
        let passed = usize::try_from(now.checked_sub(newest)?).ok()?.min(slots.len());
        slots.get_mut(..passed)?.fill(0);
        slots.rotate_left(passed);
        put(tally, NEWEST_AT, now.to_le_bytes())?;
    }
    let mut used: u64 = slots.iter().map(|&slot| u64::from(slot)).sum();
    if own_ns < number(tally, FOREIGN_UNTIL_AT)? {
        used = used.checked_add(u64::from(u32::from_le_bytes(at(tally, FOREIGN_AT)?)))?;
    }
    if used > 0 && used.checked_add(units)? > most {
        return None;
    }
    let last = slots.last_mut()?;
    *last = last.saturating_add(u32::try_from(units).ok()?);
    for (slot, bytes) in slots.iter().zip(tally.get_mut(SLOTS_AT..)?.chunks_exact_mut(4)) {
        bytes.copy_from_slice(&slot.to_le_bytes());
    }
    Some(())
}

/// Returns the checksum of a state, without the place where it stands.
fn checksum(state: &[u8; SIZE]) -> Option<[u8; 4]> {
    let (before, rest) = state.split_at_checked(CHECKSUM_AT)?;
    let (_, behind) = rest.split_at_checked(4)?;
    let mut hasher = Hasher::new();
    hasher.update(before);
    hasher.update(&[0; 4]);
    hasher.update(behind);
    Some(hasher.finalize().to_le_bytes())
}

fn number(bytes: &[u8], place: usize) -> Option<i64> {
    at(bytes, place).map(i64::from_le_bytes)
}

fn at<const N: usize>(bytes: &[u8], place: usize) -> Option<[u8; N]> {
    bytes.get(place..)?.first_chunk().copied()
}

fn put<const N: usize>(bytes: &mut [u8], place: usize, value: [u8; N]) -> Option<()> {
    *bytes.get_mut(place..)?.first_chunk_mut()? = value;
    Some(())
}
