//! Memory that disks read from: a little of it on the heap, much of it in huge pages.
//!
//! A disk is told of every page that it has to fetch; of ordinary pages a batch of 1,000 records has
//! fifty, of huge ones it has one. Where a system has none, pages are ordinary.

#[cfg(target_os = "linux")]
use memmap2::{Advice, MmapMut};

/// What the processors of today call a huge page, or a multiple of it.
#[cfg(target_os = "linux")]
const HUGE_BYTES: usize = 2 << 20;

/// Less than this is on the heap: a huge page takes its whole size once it is touched.
#[cfg(target_os = "linux")]
const HEAP_MAX_BYTES: usize = 32 << 10;

/// Bytes in memory, zeros to begin with; their number does not change.
pub(super) enum Memory {
    Heap(Vec<u8>),
    #[cfg(target_os = "linux")]
    Huge(MmapMut),
}

impl Default for Memory {
    fn default() -> Self {
        Self::Heap(Vec::new())
    }
}

impl Memory {
    /// Returns so many bytes or more, with one at the given alignment in front of them.
    pub(super) fn with_size(size: usize, alignment: usize) -> Self {
        #[cfg(target_os = "linux")]
        if let Some(memory) = huge(size) {
            return memory;
        }
        Self::Heap(vec![0; size.saturating_add(alignment)])
    }

    /// Returns where in them the first byte of that alignment is.
    pub(super) fn aligned(&self, alignment: usize) -> usize {
        match self {
            Self::Heap(bytes) => bytes.as_ptr().align_offset(alignment).min(alignment),
            #[cfg(target_os = "linux")]
            Self::Huge(bytes) => bytes.as_ptr().align_offset(HUGE_BYTES).min(HUGE_BYTES),
        }
    }

    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Heap(bytes) => bytes,
            #[cfg(target_os = "linux")]
            Self::Huge(bytes) => bytes,
        }
    }

    #[inline]
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Heap(bytes) => bytes,
            #[cfg(target_os = "linux")]
            Self::Huge(bytes) => bytes,
        }
    }
}

/// Returns huge pages, where so much is asked for that they are worth it, and there are any.
#[cfg(target_os = "linux")]
fn huge(size: usize) -> Option<Memory> {
    if size <= HEAP_MAX_BYTES {
        return None;
    }
    // Where a huge page begins in what a system gives is found later: one more than is needed.
    let size = size.checked_next_multiple_of(HUGE_BYTES)?.checked_add(HUGE_BYTES)?;
    let memory = MmapMut::map_anon(size).ok()?;
    // A kernel without them says so, and has given ordinary pages, which do as well.
    let _ = memory.advise(Advice::HugePage);
    Some(Memory::Huge(memory))
}
