//! The file itself; where there is no such one, `DiskFile` writes the batches.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, IoSlice, Result, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::types::{PyAnyMethods, PyBytes, PyBytesMethods};
use pyo3::{Bound, PyAny, PyErr, PyResult, Python, pyclass, pymethods};

use super::{BLOCK, BLOCK_BYTES, Batch, Blocks, lead_of};

/// Zeros in memory, that room is made of.
const ZEROS_BYTES: usize = 256 << 10;

/// Zeros that are handed to the page cache at once: it makes pages of that size, and walks through
/// all of one for each write into it.
const CACHED_ZEROS_BYTES: usize = 64 << 10;

const CACHED_ZEROS: u64 = CACHED_ZEROS_BYTES as u64;

/// Pieces in one write; systems take 1,024.
const PIECES_MAX: usize = 512;

/// A file that batches are written to.
#[pyclass(module = "steelyard._native")]
pub(crate) struct BlockFile(Option<Shared>);

/// What stands open, for whoever writes to it next.
pub(super) type Shared = Arc<Mutex<Files>>;

#[pymethods]
impl BlockFile {
    #[new]
    fn new(py: Python<'_>, path: PathBuf, flags: i32) -> PyResult<Self> {
        let files = Files::open(&path, flags).map_err(|error| told(py, &error))?;
        Ok(Self(Some(Arc::new(Mutex::new(files)))))
    }

    /// Whether writes go past the page cache.
    #[getter]
    fn is_direct(&self) -> bool {
        self.0.as_ref().is_some_and(|files| locked(files).direct.is_some())
    }

    /// Writes a batch and so many zeros behind it; returns when they are on the medium.
    fn put(
        &self,
        py: Python<'_>,
        offset: u64,
        batch: &Bound<'_, PyAny>,
        room_bytes: usize,
    ) -> PyResult<()> {
        let files = self.shared()?;
        let put = |blocks: &mut Blocks| {
            let done = py.detach(|| locked(&files).put(offset, blocks, room_bytes));
            done.map_err(|error| told(py, &error))
        };
        if let Ok(batch) = batch.cast_exact::<Batch>() {
            return put(&mut batch.try_borrow_mut()?.blocks);
        }
        let mut blocks = Blocks::within(Blocks::default(), lead_of(offset), 0);
        blocks.push(batch.cast::<PyBytes>()?.as_bytes());
        put(&mut blocks)
    }

    /// Hears that the file has been changed otherwise.
    fn forget(&self) {
        if let Some(files) = &self.0 {
            locked(files).forget();
        }
    }

    /// Lets go of the file.
    fn close(&mut self) {
        self.0 = None;
    }
}

impl BlockFile {
    pub(super) fn shared(&self) -> PyResult<Shared> {
        let files = self.0.as_ref().ok_or_else(|| PyValueError::new_err("the file is closed"));
        files.map(Arc::clone)
    }
}

fn locked(files: &Shared) -> MutexGuard<'_, Files> {
    files.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) struct Files {
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

    pub(super) fn put(&mut self, offset: u64, blocks: &mut Blocks, room: usize) -> Result<()> {
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
        *zeros = Blocks::within(Blocks::default(), 0, ZEROS_BYTES);
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
pub(super) fn told(py: Python<'_>, error: &Error) -> PyErr {
    let Some(number) = error.raw_os_error() else {
        return PyOSError::new_err(error.to_string());
    };
    let words = py.import("os").and_then(|os| os.call_method1("strerror", (number,)));
    match words {
        Ok(words) => PyOSError::new_err((number, words.unbind())),
        Err(failed) => failed,
    }
}
