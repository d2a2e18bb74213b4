//! The form of a journal's records, as `src/steelyard/store/segment.py` describes it.
//!
//! A batch of a thousand records takes as long here as one write to the page cache; in Python it
//! takes several times as long as the disk needs for it.

use crc32fast::Hasher;
use pyo3::exceptions::PyValueError;
use pyo3::types::{PyBytes, PyBytesMethods, PyList, PyListMethods};
use pyo3::{Bound, PyErr, PyResult, Python, pyfunction};

/// u32 length, u32 checksum, u64 sequence; little-endian.
const HEAD_BYTES: usize = 16;

/// Of the length: this record begins a batch.
const BEGINS_BATCH: u32 = 1 << 31;

/// The longest payload, as in `segment.py`.
const PAYLOAD_MAX_BYTES: usize = 4 << 20;

fn too_much() -> PyErr {
    PyValueError::new_err("these records are more than a batch can hold")
}

/// Returns payloads as records, one after the other.
#[pyfunction]
pub(crate) fn encode_records<'py>(
    py: Python<'py>,
    payloads: &Bound<'py, PyList>,
    first_sequence: u64,
    begins_batch: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut held = Vec::with_capacity(payloads.len());
    let mut size = 0_usize;
    for payload in payloads.iter() {
        let payload = payload.cast_into::<PyBytes>()?;
        let length = payload.as_bytes().len();
        if length > PAYLOAD_MAX_BYTES {
            let message = format!("a record of {length} bytes is too long for the journal");
            return Err(PyValueError::new_err(message));
        }
        size = length
            .checked_add(HEAD_BYTES)
            .and_then(|record| size.checked_add(record))
            .ok_or_else(too_much)?;
        held.push(payload);
    }
    PyBytes::new_with(py, size, |mut room| {
        let mut sequence = first_sequence;
        let mut mark = if begins_batch { BEGINS_BATCH } else { 0 };
        for payload in &held {
            let payload = payload.as_bytes();
            let length = u32::try_from(payload.len()).map_err(|_| too_much())?;
            let word = (length | mark).to_le_bytes();
            let size = payload.len().checked_add(HEAD_BYTES).ok_or_else(too_much)?;
            let (record, rest) = room.split_at_mut_checked(size).ok_or_else(too_much)?;
            let (head, checked) = record.split_at_mut_checked(8).ok_or_else(too_much)?;
            let (number, body) = checked.split_at_mut_checked(8).ok_or_else(too_much)?;
            number.copy_from_slice(&sequence.to_le_bytes());
            body.copy_from_slice(payload);
            let mut checksum = Hasher::new();
            checksum.update(&word);
            checksum.update(checked);
            let (length_room, checksum_room) = head.split_at_mut_checked(4).ok_or_else(too_much)?;
            length_room.copy_from_slice(&word);
            checksum_room.copy_from_slice(&checksum.finalize().to_le_bytes());
            room = rest;
            sequence = sequence.checked_add(1).ok_or_else(too_much)?;
            mark = 0;
        }
        Ok(())
    })
}

/// Returns the payloads of the whole records from a place on that have these sequences, and where
/// they end: in front of the first that is not whole, or has another sequence.
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
        let size = payload.len().checked_add(HEAD_BYTES).ok_or_else(too_much)?;
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
