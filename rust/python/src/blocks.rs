//! A journal's file as a disk takes it: whole blocks out of aligned memory, past the page cache.
//!
//! A write through the page cache copies, marks and later walks every page, and waits twice; one
//! that goes past it hands the disk the memory in which the records were gathered. It must begin
//! and end where blocks do. So a batch is gathered as far behind the beginning of a block as it
//! will stand in the file; what the file has in front of it there is written again, and behind it
//! zeros, which are there already. `src/steelyard/store/disk.py` says what a file does; here is
//! the same, and a file system that takes no such writes gets ordinary ones.

#[cfg(unix)]
mod file;
mod memory;
#[cfg(unix)]
mod writer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::types::PyBytes;
use pyo3::{Bound, Python, pyclass, pymethods};

#[cfg(unix)]
pub(crate) use file::BlockFile;
use memory::Memory;
#[cfg(unix)]
pub(crate) use writer::BatchWriter;

/// What disks write at once; no file system of today asks for more.
const BLOCK_BYTES: usize = 4096;
const BLOCK: u64 = BLOCK_BYTES as u64;

/// Memory to begin with: more than two blocks and a head.
const FIRST_BYTES: usize = 4 * BLOCK_BYTES;

/// How much memory is kept from one batch for a later one.
const KEPT_MAX_BYTES: usize = 4 << 20;

/// Bytes that stand in memory as in the file: as far behind the beginning of a block.
#[derive(Default)]
pub(crate) struct Blocks {
    memory: Memory,
    /// Where a block begins.
    base: usize,
    /// Where the bytes begin, less than a block behind it.
    start: usize,
    /// Where they end.
    end: usize,
}

impl Blocks {
    /// Begins with some bytes that are yet to be filled in, in memory of others that are gone.
    pub(crate) fn within(mut gone: Self, lead: usize, size: usize) -> Self {
        let wanted = FIRST_BYTES.saturating_add(size);
        if gone.memory.bytes().len().saturating_sub(gone.base) < wanted {
            gone.memory = Memory::with_size(wanted, BLOCK_BYTES);
            gone.base = gone.memory.aligned(BLOCK_BYTES);
        }
        gone.start = gone.base.saturating_add(lead.min(BLOCK_BYTES));
        gone.end = gone.start.saturating_add(size);
        gone
    }

    /// Whether there is no memory yet.
    pub(crate) const fn is_none(&self) -> bool {
        self.end == 0
    }

    pub(crate) const fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory.bytes().get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory.bytes_mut().get_mut(self.start..self.end).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.more(bytes.len()).copy_from_slice(bytes);
    }

    /// Returns so many bytes more, that are yet to be filled in.
    #[inline]
    pub(crate) fn more(&mut self, size: usize) -> &mut [u8] {
        let (begin, end) = (self.end, self.end.saturating_add(size));
        if end > self.memory.bytes().len() {
            self.grow(end);
            return self.more_within(size);
        }
        self.end = end;
        self.memory.bytes_mut().get_mut(begin..end).unwrap_or_default()
    }

    pub(crate) const fn truncate(&mut self, size: usize) {
        let end = self.start.saturating_add(size);
        if end < self.end {
            self.end = end;
        }
    }

    fn more_within(&mut self, size: usize) -> &mut [u8] {
        let begin = self.end;
        self.end = begin.saturating_add(size);
        self.memory.bytes_mut().get_mut(begin..self.end).unwrap_or_default()
    }

    /// Makes place for them to end there, if they are not moved; memory that moves is aligned anew.
    #[cold]
    fn grow(&mut self, end: usize) {
        let twice = self.memory.bytes().len().saturating_mul(2);
        self.move_to(end.max(twice), self.lead());
    }

    /// Returns what they have in their last block, if it is not full.
    fn last(&self) -> &[u8] {
        let size = self.end.saturating_sub(self.base);
        let full = size.checked_rem(BLOCK_BYTES).unwrap_or_default();
        self.memory.bytes().get(self.end.saturating_sub(full)..self.end).unwrap_or_default()
    }

    const fn lead(&self) -> usize {
        self.start.saturating_sub(self.base)
    }

    fn move_to(&mut self, size: usize, lead: usize) {
        let memory = Memory::with_size(size.saturating_add(FIRST_BYTES), BLOCK_BYTES);
        let base = memory.aligned(BLOCK_BYTES);
        let mut moved = Self::within(Self { memory, base, ..Self::default() }, lead, 0);
        moved.more_within(self.len()).copy_from_slice(self.bytes());
        *self = moved;
    }

    /// Returns the blocks, with what stands in front of the bytes and zeros behind them.
    fn filled(&mut self, front: &[u8]) -> &[u8] {
        if front.len() != self.lead() {
            self.move_to(self.len(), front.len());
        }
        let size = self.end.saturating_sub(self.base).next_multiple_of(BLOCK_BYTES);
        let whole = self.base.saturating_add(size);
        if whole > self.memory.bytes().len() {
            self.grow(whole);
        }
        let whole = self.base.saturating_add(size);
        let (base, start, end) = (self.base, self.start, self.end);
        let memory = self.memory.bytes_mut();
        if let Some(place) = memory.get_mut(base..start) {
            place.copy_from_slice(front);
        }
        if let Some(place) = memory.get_mut(end..whole) {
            place.fill(0);
        }
        memory.get(base..whole).unwrap_or_default()
    }
}

/// One batch of records, as it is written.
#[pyclass(module = "steelyard._native")]
pub(crate) struct Batch {
    blocks: Blocks,
    spare: Spare,
}

/// Memory of a batch that was written, for a later one: what was used lately is quick.
pub(crate) type Spare = Arc<Mutex<Blocks>>;

pub(crate) fn lock(spare: &Spare) -> MutexGuard<'_, Blocks> {
    spare.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns how far behind the beginning of a block a place in a file is.
pub(crate) fn lead_of(offset: u64) -> usize {
    usize::try_from(offset.checked_rem(BLOCK).unwrap_or_default()).unwrap_or_default()
}

impl Batch {
    pub(crate) const fn new(blocks: Blocks, spare: Spare) -> Self {
        Self { blocks, spare }
    }

    /// Returns what it has, and is empty from here on.
    #[cfg(unix)]
    fn handed(&mut self) -> Self {
        Self::new(std::mem::take(&mut self.blocks), Spare::clone(&self.spare))
    }
}

#[pymethods]
impl Batch {
    const fn __len__(&self) -> usize {
        self.blocks.len()
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.blocks.bytes())
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let size = self.blocks.memory.bytes().len();
        if size > 0 && size <= KEPT_MAX_BYTES {
            *lock(&self.spare) = std::mem::take(&mut self.blocks);
        }
    }
}
