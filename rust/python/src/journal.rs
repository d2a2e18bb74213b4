//! The form of a journal's records, as `src/steelyard/store/batches.py` and `single_records.py`
//! describe it.
//!
//! A disk makes a thousand records durable in a sixth of a millisecond. Whatever stands in a row
//! with it counts, so each payload is asked for its bytes once, copied at once to where the disk
//! reads it (`blocks.rs`), and the checksum goes over many of them in one piece.

use crc32fast::Hasher;
use pyo3::exceptions::PyValueError;
use pyo3::types::{PyBytes, PyBytesMethods, PyList, PyListMethods};
use pyo3::{Bound, PyErr, PyResult, Python, pyclass, pyfunction, pymethods};

use crate::blocks::{Batch, Blocks, Spare, lead_of, lock};

/// u32 checksum of what follows of the head, u32 checksum of the body, u32 length of the body,
/// u32 records and width, u64 first sequence; little-endian.
const HEAD_BYTES: usize = 24;

/// What a body ends with.
const END: u8 = b'\n';

/// Of the third word: how wide a length is, as a power of two, stands above this bit.
const WIDTH_BIT: u32 = 30;

/// The longest payload, as in `segment.py`.
const PAYLOAD_MAX_BYTES: usize = 4 << 20;

/// How many lengths are kept room for from one batch to the next.
const KEPT_MAX_LENGTHS: usize = 1 << 18;

/// How much is summed up at once, while the processor still has it at hand.
const SUMMED_BYTES: usize = 16 << 10;

/// u32 length, u32 checksum, u64 sequence: the head of a record of format 1.
const SINGLE_HEAD_BYTES: usize = 16;

/// Of a length in format 1: this record begins a batch.
const BEGINS_BATCH: u32 = 1 << 31;

fn too_much() -> PyErr {
    PyValueError::new_err("these records are more than a batch can hold")
}

/// Payloads that are gathered for the next batch.
#[pyclass(module = "steelyard._native")]
pub(crate) struct Gathering {
    /// Room for a head, then the payloads; nothing until there is one.
    blocks: Blocks,
    /// How far behind the beginning of a block of its file the next batch begins.
    lead: usize,
    lengths: Vec<u32>,
    /// The greatest of them.
    longest: u32,
    /// The checksum of what has been summed up, and how far that reaches.
    sum: Hasher,
    summed: usize,
    spare: Spare,
}

#[pymethods]
impl Gathering {
    #[new]
    fn new() -> Self {
        Self {
            blocks: Blocks::default(),
            lead: 0,
            lengths: Vec::new(),
            longest: 0,
            sum: Hasher::new(),
            summed: HEAD_BYTES,
            spare: Spare::default(),
        }
    }

    /// Takes payloads, all or none; returns how many bytes a batch of all takes at most.
    fn extend(&mut self, payloads: &Bound<'_, PyList>) -> PyResult<usize> {
        if self.blocks.is_none() {
            let gone = std::mem::take(&mut *lock(&self.spare));
            self.blocks = Blocks::within(gone, self.lead, HEAD_BYTES);
        }
        let (size, count) = (self.blocks.len(), self.lengths.len());
        let (sum, summed, longest) = (self.sum.clone(), self.summed, self.longest);
        let taken = self.take_in(payloads);
        if taken.is_err() {
            self.blocks.truncate(size);
            self.lengths.truncate(count);
            self.longest = longest;
            (self.sum, self.summed) = (sum, summed);
        }
        taken.map(|()| match self.lengths.len() {
            0 => 0,
            count => self.blocks.len().saturating_add(count.saturating_mul(4)).saturating_add(1),
        })
    }

    /// Returns them as one batch that begins with a sequence, and is empty again.
    ///
    /// Where in its file it will be written, as far as is known, says how the next one is gathered.
    #[pyo3(signature = (first_sequence, offset=0))]
    fn take(&mut self, first_sequence: u64, offset: u64) -> PyResult<Batch> {
        let count = self.lengths.len();
        if count == 0 {
            let message = "a batch has a record; nothing has been gathered for this one";
            return Err(PyValueError::new_err(message));
        }
        let word = u32::try_from(count).map_err(|_| too_much())?;
        if word >> WIDTH_BIT != 0 {
            return Err(too_much());
        }
        let exponent = match self.longest {
            0..=0xFF => {
                write_lengths(self.blocks.more(count), &self.lengths, |[byte, ..]| [byte]);
                0_u32
            }
            0x100..=0xFFFF => {
                let place = self.blocks.more(count.saturating_mul(2));
                write_lengths(place, &self.lengths, |[low, high, ..]| [low, high]);
                1
            }
            _ => {
                let place = self.blocks.more(count.saturating_mul(4));
                write_lengths(place, &self.lengths, |bytes| bytes);
                2
            }
        };
        self.blocks.push(&[END]);
        self.sum_up();
        let checksum = std::mem::take(&mut self.sum).finalize();
        self.summed = HEAD_BYTES;
        self.lengths.clear();
        self.longest = 0;
        self.lengths.shrink_to(KEPT_MAX_LENGTHS);
        let mut blocks = std::mem::take(&mut self.blocks);
        let size = u64::try_from(blocks.len()).map_err(|_| too_much())?;
        self.lead = lead_of(offset.saturating_add(size));
        let (head, body) = blocks.bytes_mut().split_first_chunk_mut().ok_or_else(too_much)?;
        let length = u32::try_from(body.len()).map_err(|_| too_much())?;
        *head = head_of(checksum, length, word | exponent << WIDTH_BIT, first_sequence)?;
        Ok(Batch::new(blocks, Spare::clone(&self.spare)))
    }
}

impl Gathering {
    fn take_in(&mut self, payloads: &Bound<'_, PyList>) -> PyResult<()> {
        let count = payloads.len();
        self.lengths.reserve(count);
        for index in 0..count {
            let payload = payloads.get_item(index)?;
            let payload = payload.cast_exact::<PyBytes>()?.as_bytes();
            let length = payload.len();
            let counted = u32::try_from(length).map_err(|_| too_much())?;
            if length > PAYLOAD_MAX_BYTES {
                let message = format!("a record of {length} bytes is too long for the journal");
                return Err(PyValueError::new_err(message));
            }
            self.lengths.push(counted);
            self.longest = self.longest.max(counted);
            self.blocks.push(payload);
            if self.blocks.len().saturating_sub(self.summed) >= SUMMED_BYTES {
                self.sum_up();
            }
        }
        Ok(())
    }

    fn sum_up(&mut self) {
        self.sum.update(self.blocks.bytes().get(self.summed..).unwrap_or_default());
        self.summed = self.blocks.len();
    }
}

/// Writes the bytes that are kept of each length.
fn write_lengths<const WIDTH: usize>(
    place: &mut [u8],
    lengths: &[u32],
    kept: impl Fn([u8; 4]) -> [u8; WIDTH],
) {
    for (place, length) in place.as_chunks_mut().0.iter_mut().zip(lengths) {
        *place = kept(length.to_le_bytes());
    }
}

/// Returns a batch's head.
fn head_of(
    body_checksum: u32,
    length: u32,
    count: u32,
    first_sequence: u64,
) -> PyResult<[u8; HEAD_BYTES]> {
    let mut head = [0; HEAD_BYTES];
    let (checksum, rest) = head.split_first_chunk_mut().ok_or_else(too_much)?;
    let fields = [body_checksum, length, count].into_iter().flat_map(u32::to_le_bytes);
    let fields = fields.chain(first_sequence.to_le_bytes());
    for (place, byte) in rest.iter_mut().zip(fields) {
        *place = byte;
    }
    *checksum = crc32fast::hash(rest).to_le_bytes();
    Ok(head)
}

/// A whole batch, somewhere in a segment.
struct WholeBatch<'a> {
    /// The payloads, one after the other.
    payloads: &'a [u8],
    /// Their lengths, as they are written.
    lengths: &'a [u8],
    width: usize,
    size: usize,
}

impl WholeBatch<'_> {
    fn lengths(&self) -> impl Iterator<Item = usize> {
        self.lengths.chunks_exact(self.width).map(|bytes| {
            bytes.iter().rev().fold(0_usize, |found, byte| found << 8 | usize::from(*byte))
        })
    }
}

/// Returns the batch at the beginning, if it is whole and begins with this sequence.
fn batch_of(rest: &[u8], sequence: u64) -> Option<WholeBatch<'_>> {
    let (head, behind) = rest.split_first_chunk::<HEAD_BYTES>()?;
    let (head_checksum, head) = head.split_first_chunk()?;
    let (body_checksum, fields) = head.split_first_chunk()?;
    let (length, fields) = fields.split_first_chunk()?;
    let (count, fields) = fields.split_first_chunk()?;
    let (first, _) = fields.split_first_chunk()?;
    if u64::from_le_bytes(*first) != sequence
        || u32::from_le_bytes(*head_checksum) != crc32fast::hash(head)
    {
        return None;
    }
    let count = u32::from_le_bytes(*count);
    let width = match count >> WIDTH_BIT {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => return None,
    };
    let lengths_size = usize::try_from(count & !(3 << WIDTH_BIT)).ok()?.checked_mul(width)?;
    let body = behind.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    if u32::from_le_bytes(*body_checksum) != crc32fast::hash(body) {
        return None;
    }
    let (_, content) = body.split_last()?;
    let (payloads, lengths) = content.split_at_checked(content.len().checked_sub(lengths_size)?)?;
    let size = HEAD_BYTES.checked_add(body.len())?;
    let batch = WholeBatch { payloads, lengths, width, size };
    let total = batch.lengths().try_fold(0_usize, usize::checked_add)?;
    (lengths_size > 0 && total == payloads.len()).then_some(batch)
}

/// Returns the payloads of whole batches from a place on that have these sequences, until there
/// are as many as asked for or more, and where they end.
#[pyfunction]
pub(crate) fn read_batches<'py>(
    py: Python<'py>,
    content: &[u8],
    at: usize,
    first_sequence: u64,
    count_min: usize,
) -> PyResult<(Bound<'py, PyList>, usize)> {
    let mut payloads = Vec::new();
    let (mut end, mut sequence) = (at, first_sequence);
    while payloads.len() < count_min
        && let Some(batch) = content.get(end..).and_then(|rest| batch_of(rest, sequence))
    {
        let mut rest = batch.payloads;
        for length in batch.lengths() {
            let (payload, behind) = rest.split_at_checked(length).ok_or_else(too_much)?;
            payloads.push(PyBytes::new(py, payload));
            sequence = sequence.checked_add(1).ok_or_else(too_much)?;
            rest = behind;
        }
        end = end.checked_add(batch.size).ok_or_else(too_much)?;
    }
    Ok((PyList::new(py, payloads)?, end))
}

/// Returns the payloads of the whole records of format 1 from a place on that have these
/// sequences, and where they end: in front of the first that is not whole, or has another one.
#[pyfunction]
pub(crate) fn read_records<'py>(
    py: Python<'py>,
    content: &[u8],
    at: usize,
    first_sequence: u64,
    count_max: usize,
) -> PyResult<(Bound<'py, PyList>, usize)> {
    let mut payloads = Vec::new();
    let (mut end, mut sequence) = (at, first_sequence);
    while payloads.len() < count_max
        && let Some(payload) = content.get(end..).and_then(|rest| payload_of(rest, sequence))
    {
        payloads.push(PyBytes::new(py, payload));
        let size = payload.len().checked_add(SINGLE_HEAD_BYTES).ok_or_else(too_much)?;
        end = end.checked_add(size).ok_or_else(too_much)?;
        sequence = sequence.checked_add(1).ok_or_else(too_much)?;
    }
    Ok((PyList::new(py, payloads)?, end))
}

/// Returns the payload of the record at the beginning, if it is whole and has this sequence.
fn payload_of(rest: &[u8], sequence: u64) -> Option<&[u8]> {
    let (word, behind) = rest.split_first_chunk()?;
    let (checksum, behind) = behind.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*word) & !BEGINS_BATCH).ok()?;
    let checked = behind.get(..length.checked_add(8)?)?;
    let (number, payload) = checked.split_first_chunk()?;
    let mut found = Hasher::new();
    found.update(word);
    found.update(checked);
    let is_whole = length <= PAYLOAD_MAX_BYTES
        && u64::from_le_bytes(*number) == sequence
        && u32::from_le_bytes(*checksum) == found.finalize();
    is_whole.then_some(payload)
}
