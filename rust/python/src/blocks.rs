//! A journal's file as a disk takes it: whole blocks out of aligned memory, past the page cache.
//!
//! A write through the page cache copies, marks and later walks every page, and waits twice; one
//! that goes past it hands the disk the memory in which the records were gathered. It must begin
//! and end where blocks do. So a batch is gathered as far behind the beginning of a block as it
//! will stand in the file; what the file has in front of it there is written again, and behind it
//! zeros, which are there already. `src/steelyard/store/disk.py` says what a file does; here is
//! the same, and a file system that takes no such writes gets ordinary ones.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, IoSlice, Result, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::types::{PyAnyMethods, PyBytes, PyBytesMethods};
use pyo3::{Bound, PyAny, PyErr, PyResult, Python, pyclass, pymethods};

/// What disks write at once; no file system of today asks for more.
const BLOCK_BYTES: usize = 4096;
const BLOCK: u64 = BLOCK_BYTES as u64;

/// Memory to begin with: more than two blocks and a head.
const FIRST_BYTES: usize = 4 * BLOCK_BYTES;

/// How much memory is kept from one batch for a later one.
const KEPT_MAX_BYTES: usize = 1 << 20;

/// Zeros in memory, that room is made of.
const ZEROS_BYTES: usize = 256 << 10;

/// Zeros that are handed to the page cache at once: it makes pages of that size, and walks through
/// all of one for each write into it.
const CACHED_ZEROS_BYTES: usize = 64 << 10;
const CACHED_ZEROS: u64 = CACHED_ZEROS_BYTES as u64;

/// Pieces in one write; systems take 1,024.
const PIECES_MAX: usize = 512;

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

/// A file that batches are written to.
#[pyclass(module = "steelyard._native")]
pub(crate) struct BlockFile(Option<Files>);

#[pymethods]
impl BlockFile {
    #[new]
    fn new(py: Python<'_>, path: PathBuf, flags: i32) -> PyResult<Self> {
        Ok(Self(Some(Files::open(&path, flags).map_err(|error| told(py, &error))?)))
    }

    /// Whether writes go past the page cache.
    #[getter]
    fn is_direct(&self) -> bool {
        self.0.as_ref().is_some_and(|files| files.direct.is_some())
    }

    /// Writes a batch and so many zeros behind it; returns when they are on the medium.
    fn put(
        &mut self,
        py: Python<'_>,
        offset: u64,
        batch: &Bound<'_, PyAny>,
        room_bytes: usize,
    ) -> PyResult<()> {
        let files = self.0.as_mut().ok_or_else(|| PyValueError::new_err("the file is closed"))?;
        let mut put = |blocks: &mut Blocks| {
            let size = blocks.len();
            let done = py.detach(|| files.put(offset, blocks, room_bytes));
            blocks.truncate(size);
            done.map_err(|error| told(py, &error))
        };
        if let Ok(batch) = batch.cast_exact::<Batch>() {
            return put(&mut batch.try_borrow_mut()?.blocks);
        }
        let mut blocks = Blocks::new(Vec::new(), lead_of(offset), 0);
        blocks.push(batch.cast::<PyBytes>()?.as_bytes());
        put(&mut blocks)
    }

    /// Hears that the file has been changed otherwise.
    const fn forget(&mut self) {
        if let Some(files) = &mut self.0 {
            files.forget();
        }
    }

    /// Lets go of the file.
    fn close(&mut self) {
        self.0 = None;
    }
}

struct Files {
    plain: File,
    direct: Option<File>,
    /// How long the file is; nothing where it must be asked.
    size: Option<u64>,
    /// Where the newest batch ends, if it was written here.
    end: Option<u64>,
    /// What the file has in front of that, from where the block begins.
    tail: Vec<u8>,
    zeros: Blocks,
}

impl Files {
    fn open(path: &Path, flags: i32) -> Result<Self> {
        let mut options = OpenOptions::new();
        let plain = options.read(true).write(true).open(path)?;
        let direct = match flags {
            0 => None,
            // What it is refused for will be told of the plain one too, if it matters.
            _ => options.custom_flags(flags).open(path).ok(),
        };
        let (tail, zeros) = (Vec::with_capacity(BLOCK_BYTES), Blocks::default());
        Ok(Self { plain, direct, size: None, end: None, tail, zeros })
    }

    const fn forget(&mut self) {
        self.size = None;
        self.end = None;
    }

    fn put(&mut self, offset: u64, blocks: &mut Blocks, room: usize) -> Result<()> {
        let (size, known) = (self.size.take(), self.end.take());
        let end = moved(offset, blocks.len())?;
        let reach = moved(end, room)?;
        let size = match size {
            Some(size) => size,
            None => self.plain.metadata()?.len(),
        };
        let whole = end.checked_next_multiple_of(BLOCK).ok_or_else(too_far)?;
        // The file must not become longer than what it is asked to hold.
        let is_fitting = if room == 0 { whole <= size } else { reach.is_multiple_of(BLOCK) };
        let is_fitting = is_fitting && offset <= size;
        if let Some(direct) = self.direct.take_if(|_| is_fitting) {
            let at = offset.saturating_sub(offset.checked_rem(BLOCK).unwrap_or_default());
            if known != Some(offset) {
                self.tail.resize(lead_of(offset), 0);
                self.plain.read_exact_at(&mut self.tail, at)?;
            }
            let written = self.write_blocks(&direct, at, blocks, reach.saturating_sub(whole));
            match written {
                Err(error) if error.kind() == ErrorKind::InvalidInput => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    self.direct = Some(direct);
                    self.size = Some(size.max(reach).max(whole));
                    self.end = Some(end);
                    return Ok(());
                }
            }
        }
        self.plain.write_all_at(blocks.bytes(), offset)?;
        self.write_zeros(end, room)?;
        self.plain.sync_data()?;
        self.size = Some(size.max(reach));
        Ok(())
    }

    /// Writes blocks and zeros behind them past the page cache, and keeps the last block's bytes.
    fn write_blocks(
        &mut self,
        direct: &File,
        at: u64,
        blocks: &mut Blocks,
        room: u64,
    ) -> Result<()> {
        let size = blocks.len();
        let mut left = usize::try_from(room).map_err(|_| too_far())?;
        let filled = blocks.filled(&self.tail);
        if left == 0 {
            direct.write_all_at(filled, at)?;
        } else {
            let zeros = zeros_of(&mut self.zeros);
            let mut file = direct;
            file.seek(SeekFrom::Start(at))?;
            let mut pieces = vec![IoSlice::new(filled)];
            while !pieces.is_empty() {
                while left > 0 && pieces.len() < PIECES_MAX {
                    let piece = zeros.get(..left.min(zeros.len())).unwrap_or_default();
                    left = left.saturating_sub(piece.len());
                    pieces.push(IoSlice::new(piece));
                }
                write_pieces(file, &mut pieces)?;
                pieces.clear();
            }
        }
        blocks.truncate(size);
        self.tail.clear();
        self.tail.extend_from_slice(blocks.last());
        Ok(())
    }

    fn write_zeros(&mut self, mut at: u64, mut left: usize) -> Result<()> {
        while left > 0 {
            // Later pieces begin where pages do.
            let odd = usize::try_from(at.checked_rem(CACHED_ZEROS).unwrap_or_default());
            let size = CACHED_ZEROS_BYTES.saturating_sub(odd.map_err(|_| too_far())?).min(left);
            let zeros = zeros_of(&mut self.zeros);
            self.plain.write_all_at(zeros.get(..size).unwrap_or_default(), at)?;
            (at, left) = (moved(at, size)?, left.saturating_sub(size));
        }
        Ok(())
    }
}

fn zeros_of(zeros: &mut Blocks) -> &[u8] {
    if zeros.is_none() {
        *zeros = Blocks::new(vec![0; ZEROS_BYTES.saturating_add(FIRST_BYTES)], 0, ZEROS_BYTES);
    }
    zeros.bytes()
}

fn write_pieces(mut file: &File, mut pieces: &mut [IoSlice<'_>]) -> Result<()> {
    while !pieces.is_empty() {
        match file.write_vectored(pieces) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut pieces, written),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn moved(at: u64, size: usize) -> Result<u64> {
    u64::try_from(size).ok().and_then(|size| at.checked_add(size)).ok_or_else(too_far)
}

fn too_far() -> Error {
    Error::new(ErrorKind::FileTooLarge, "no file is that long")
}

/// Returns an error as Python says it, with its number and the system's words.
fn told(py: Python<'_>, error: &Error) -> PyErr {
    let Some(number) = error.raw_os_error() else {
        return PyOSError::new_err(error.to_string());
    };
    let words = py.import("os").and_then(|os| os.call_method1("strerror", (number,)));
    match words {
        Ok(words) => PyOSError::new_err((number, words.unbind())),
        Err(failed) => failed,
    }
}
