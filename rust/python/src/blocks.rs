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

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::types::PyBytes;
use pyo3::{Bound, Python, pyclass, pymethods};

#[cfg(unix)]
pub(crate) use file::BlockFile;

/// What disks write at once; no file system of today asks for more.
const BLOCK_BYTES: usize = 4096;
const BLOCK: u64 = BLOCK_BYTES as u64;

/// Memory to begin with: more than two blocks and a head.
const FIRST_BYTES: usize = 4 * BLOCK_BYTES;

/// How much memory is kept from one batch for a later one.
const KEPT_MAX_BYTES: usize = 1 << 20;

/// Bytes that stand in memory as in the file: as far behind the beginning of a block.
#[derive(Default)]
pub(crate) struct Blocks {
    memory: Vec<u8>,
    /// Where a block begins.
    base: usize,
    /// Where the bytes begin, less than a block behind it.
    start: usize,
}

impl Blocks {
    /// Begins with some bytes that are yet to be filled in.
    pub(crate) fn new(mut memory: Vec<u8>, lead: usize, size: usize) -> Self {
        let wanted = FIRST_BYTES.saturating_add(size);
        memory.reserve(wanted.saturating_sub(memory.len()));
        let base = memory.as_ptr().align_offset(BLOCK_BYTES).min(BLOCK_BYTES);
        let start = base.saturating_add(lead.min(BLOCK_BYTES));
        memory.resize(start.saturating_add(size), 0);
        Self { memory, base, start }
    }

    /// Whether there is no memory yet.
    pub(crate) const fn is_none(&self) -> bool {
        self.memory.is_empty()
    }

    pub(crate) const fn len(&self) -> usize {
        self.memory.len().saturating_sub(self.start)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory.get(self.start..).unwrap_or_default()
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory.get_mut(self.start..).unwrap_or_default()
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.memory.extend_from_slice(bytes);
    }

    pub(crate) fn extend(&mut self, bytes: impl ExactSizeIterator<Item = u8>) {
        self.reserve(bytes.len());
        self.memory.extend(bytes);
    }

    pub(crate) fn truncate(&mut self, size: usize) {
        self.memory.truncate(self.start.saturating_add(size));
    }

    /// Makes place for more; memory that moves is aligned anew.
    pub(crate) fn reserve(&mut self, more: usize) {
        let needed = self.memory.len().saturating_add(more);
        if needed > self.memory.capacity() {
            let twice = self.memory.capacity().saturating_mul(2);
            self.move_to(needed.max(twice), self.lead());
        }
    }

    /// Returns what they have in their last block, if it is not full.
    fn last(&self) -> &[u8] {
        let size = self.memory.len().saturating_sub(self.base);
        let full = size.checked_rem(BLOCK_BYTES).unwrap_or_default();
        self.memory.get(self.memory.len().saturating_sub(full)..).unwrap_or_default()
    }

    const fn lead(&self) -> usize {
        self.start.saturating_sub(self.base)
    }

    fn move_to(&mut self, capacity: usize, lead: usize) {
        let memory = Vec::with_capacity(capacity.saturating_add(FIRST_BYTES));
        let mut moved = Self::new(memory, lead, 0);
        moved.memory.extend_from_slice(self.bytes());
        *self = moved;
    }

    /// Returns the blocks, with what stands in front of the bytes and zeros behind them.
    fn filled(&mut self, front: &[u8]) -> &[u8] {
        if front.len() != self.lead() {
            self.move_to(self.memory.len(), front.len());
        }
        let size = self.memory.len().saturating_sub(self.base);
        let missing = size.next_multiple_of(BLOCK_BYTES).saturating_sub(size);
        self.reserve(missing);
        self.memory.resize(self.memory.len().saturating_add(missing), 0);
        if let Some(place) = self.memory.get_mut(self.base..self.start) {
            place.copy_from_slice(front);
        }
        self.memory.get(self.base..).unwrap_or_default()
    }
}

/// One batch of records, as it is written.
#[pyclass(module = "steelyard._native")]
pub(crate) struct Batch {
    blocks: Blocks,
    spare: Spare,
}

/// Memory of a batch that was written, for a later one: what was used lately is quick.
pub(crate) type Spare = Arc<Mutex<Vec<u8>>>;

pub(crate) fn lock(spare: &Spare) -> MutexGuard<'_, Vec<u8>> {
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
        if self.blocks.memory.capacity() <= KEPT_MAX_BYTES {
            *lock(&self.spare) = std::mem::take(&mut self.blocks.memory);
        }
    }
}
