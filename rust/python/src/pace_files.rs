//! The files that a host's traders share, taken from by one call, for `store/pacing.py`.
//!
//! The same short way as `pace.rs`, with its eight system calls beside each other: lock the
//! address's file, see that no file was removed, read, write, unlock. Whoever opens the files first,
//! and makes them, is `store/pacing.py`; this opens those same ones again, or none.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use pyo3::exceptions::PyValueError;
use pyo3::{PyResult, pyclass, pymethods};

use crate::pace::{SIZE, taken};

/// What a request is counted in, by their place: the address, the key, the account.
const PARTIES: usize = 3;

/// One party's file.
struct PaceFile {
    file: File,
    identity: Vec<u8>,
    state: [u8; SIZE],
}

/// The files of an address, a key and an account; the first is the lock of all.
#[pyclass(name = "PaceFiles", module = "steelyard._native")]
pub(crate) struct PaceFiles {
    lock: File,
    files: Vec<PaceFile>,
}

/// How a try ended.
enum End {
    Took,
    /// Not the ordinary case: the long way.
    Odd,
    /// A file was removed or changed its size: these are not the files any more.
    Gone,
}

/// A lock that ends with it.
struct Locked<'a>(&'a File);

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Where this fails the file is gone from us as well, and its lock with it.
        let _ = self.0.unlock();
    }
}

#[pymethods]
impl PaceFiles {
    /// Opens files that are there: each path, whose it is, and the device and number of the file.
    #[new]
    fn new(files: Vec<(PathBuf, Vec<u8>, u64, u64)>) -> PyResult<Self> {
        let files = files.into_iter().map(|(path, identity, device, number)| {
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            let found = file.metadata()?;
            if (found.dev(), found.ino()) != (device, number) {
                return Err(std::io::Error::other("it is another file"));
            }
            Ok(PaceFile { file, identity, state: [0; SIZE] })
        });
        let files = files.collect::<std::io::Result<Vec<_>>>()?;
        let first = files.first().ok_or_else(|| PyValueError::new_err("there is no file"))?;
        Ok(Self { lock: first.file.try_clone()?, files })
    }

    /// Uses what a request costs of each party that it counts in; returns whether it did.
    ///
    /// False: the long way knows. None: open the files anew.
    fn take(
        &mut self,
        address: &[u8],
        key: Option<&[u8]>,
        account: Option<&[u8]>,
        now_ns: i64,
        uptime_ns: i64,
    ) -> Option<bool> {
        match self.take_all([Some(address), key, account], now_ns, uptime_ns) {
            Ok(End::Took) => Some(true),
            Ok(End::Odd) | Err(_) => Some(false),
            Ok(End::Gone) => None,
        }
    }
}

impl PaceFiles {
    fn take_all(
        &mut self,
        counts: [Option<&[u8]>; PARTIES],
        now_ns: i64,
        uptime_ns: i64,
    ) -> std::io::Result<End> {
        let Self { lock, files } = self;
        if lock.try_lock().is_err() {
            return Ok(End::Odd);
        }
        let _locked = Locked(lock);
        let counted = || counts.iter().enumerate().filter_map(|(at, it)| Some((at, (*it)?)));
        for (at, counts) in counted() {
            let Some(party) = files.get_mut(at) else { return Ok(End::Odd) };
            let found = party.file.metadata()?;
            if found.nlink() == 0 || found.len() != SIZE as u64 {
                return Ok(End::Gone);
            }
            party.file.read_exact_at(&mut party.state, 0)?;
            if taken(&mut party.state, &party.identity, counts, now_ns, uptime_ns).is_none() {
                return Ok(End::Odd);
            }
        }
        for (at, _) in counted() {
            let Some(party) = files.get(at) else { return Ok(End::Odd) };
            party.file.write_all_at(&party.state, 0)?;
        }
        Ok(End::Took)
    }
}
