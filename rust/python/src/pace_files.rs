//! The files that a host's traders share, taken from by one call, for `store/pacing.py`.
//!
//! The same short way as `pace.rs`, with its seven system calls beside each other: lock the
//! address's file, see that no file was removed, read, write, unlock. Whoever opens the files first,
//! and makes them, is `store/pacing.py`; this opens those same ones again, or none.
//!
//! That none was removed the directory says: as long as its time of change is the same, its names
//! are. To ask the files themselves would make each write slower, because a kernel that was asked
//! for a file's time of change has to tell the next one apart.
//!
//! Of a state that nobody has changed since it was last seen whole, which its head tells (times and
//! checksum are there), no more is read and written than its head and tallies: the rest is zeros.

use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use pyo3::exceptions::PyValueError;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyBytesMethods};
use pyo3::{Bound, PyRefMut, PyResult, Python, pyclass, pymethods};
use steelyard_client::Order;

use crate::orders::{PyOrderForm, side};
use crate::pace::{Rest, SIZE, is_whole, taken, taken_again};

/// What a request counts in its address, its key and its account, as `pace.rs` has it.
type Counts<'py> = (Bound<'py, PyBytes>, Option<Bound<'py, PyBytes>>, Option<Bound<'py, PyBytes>>);

/// An order's side, price, size, client order id, and the time that is signed.
type Terms = (i8, Option<i64>, i64, PyBackedStr, i64);

/// What a request is counted in, by their place: the address, the key, the account.
const PARTIES: usize = 3;

/// Two changes of a directory within this time may have one time.
const CLOCK_STEP_NS: u64 = 100_000_000;

const SECOND_NS: i64 = 1_000_000_000;

/// Heads and tallies up to so many bytes are read alone; most are.
const SHORT: usize = 1024;

/// One party's file.
struct PaceFile {
    file: File,
    identity: Vec<u8>,
    /// A state, and room to see that the file is longer.
    state: [u8; SIZE + 1],
    /// Whether the state is what was last seen in the file, whole.
    is_seen: bool,
    rest: Option<Rest>,
}

impl PaceFile {
    /// Takes units from the state that stands in the file; None for the long way.
    fn take(&mut self, counts: &[u8], now_ns: i64, uptime_ns: i64) -> std::io::Result<Option<()>> {
        let is_seen = std::mem::take(&mut self.is_seen);
        if let (true, Some(rest)) = (is_seen, &self.rest) {
            let mut told = [0; SHORT];
            let (told, known) = (told.get_mut(..rest.begin), self.state.get(..rest.begin));
            if let (Some(told), Some(known)) = (told, known)
                && self.file.read_at(told, 0)? == rest.begin
                && told == known
            {
                let Some(state) = self.state.first_chunk_mut() else { return Ok(None) };
                return Ok(taken_again(state, rest, counts, now_ns, uptime_ns));
            }
        }
        let length = self.file.read_at(&mut self.state, 0)?;
        let Some(state) = self.state.first_chunk_mut() else { return Ok(None) };
        if length != SIZE || taken(state, &self.identity, counts, now_ns, uptime_ns).is_none() {
            return Ok(None);
        }
        if !self.rest.as_ref().is_some_and(|rest| rest.is_of(state)) {
            self.rest = Rest::of(state);
        }
        Ok(Some(()))
    }

    /// Reads the state; where it is whole, the next request finds it known.
    fn see(&mut self) {
        self.is_seen = false;
        let length = self.file.read_at(&mut self.state, 0).unwrap_or(0);
        let Some(state) = self.state.first_chunk() else { return };
        if length == SIZE && is_whole(state, &self.identity).is_some() {
            self.rest = Rest::of(state);
            self.is_seen = true;
        }
    }

    /// Writes the state, by one call.
    fn write(&mut self) -> std::io::Result<()> {
        let end = self.rest.as_ref().map_or(SIZE, |rest| rest.begin);
        if let Some(state) = self.state.get(..end) {
            self.file.write_all_at(state, 0)?;
            self.is_seen = true;
        }
        Ok(())
    }
}

/// The files of an address, a key and an account; the first is the lock of all.
#[pyclass(name = "PaceFiles", module = "steelyard._native")]
pub(crate) struct PaceFiles {
    lock: File,
    directory: File,
    /// When the directory had changed when all files were last seen to be there.
    seen_ns: Option<i64>,
    files: Vec<PaceFile>,
}

/// How a try ended.
enum End {
    Took,
    /// Not the ordinary case: the long way.
    Odd,
    /// A file was removed: these are not the files any more.
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
    fn new(directory: PathBuf, files: Vec<(PathBuf, Vec<u8>, u64, u64)>) -> PyResult<Self> {
        let files = files.into_iter().map(|(path, identity, device, number)| {
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            let found = file.metadata()?;
            if (found.dev(), found.ino()) != (device, number) {
                return Err(std::io::Error::other("it is another file"));
            }
            let state = [0; SIZE + 1];
            Ok(PaceFile { file, identity, state, is_seen: false, rest: None })
        });
        let files = files.collect::<std::io::Result<Vec<_>>>()?;
        let first = files.first().ok_or_else(|| PyValueError::new_err("there is no file"))?;
        let directory = File::open(directory)?;
        Ok(Self { lock: first.file.try_clone()?, directory, seen_ns: None, files })
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

    /// Reads the files, so that the next call finds them known.
    fn make_ready(&mut self) {
        if self.lock.try_lock().is_err() {
            return;
        }
        let _locked = Locked(&self.lock);
        for party in &mut self.files {
            party.see();
        }
    }

    /// Signs an order, then uses what it costs; returns its body, None for the long way.
    ///
    /// Then nothing was used: what was signed is sent by nobody.
    fn signed<'py>(
        &mut self,
        py: Python<'py>,
        mut signer: PyRefMut<'_, PyOrderForm>,
        terms: Terms,
        counts: Counts<'_>,
        times_ns: (i64, i64),
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let (side, price_ticks, size_lots, client_order_id, now_ns) = terms;
        let side = self::side(side)?;
        let client_order_id = &*client_order_id;
        let order = Order { side, price_ticks, size_lots, client_order_id, now_ns };
        let Ok(body) = signer.form.body(&order) else { return Ok(None) };
        let (address, key, account) = &counts;
        let counts = [Some(address.as_bytes()), bytes(key.as_ref()), bytes(account.as_ref())];
        let (now_ns, uptime_ns) = times_ns;
        let took = self.take_all(counts, now_ns, uptime_ns);
        Ok(matches!(took, Ok(End::Took)).then(|| PyBytes::new(py, body)))
    }
}

fn bytes<'a>(found: Option<&'a Bound<'_, PyBytes>>) -> Option<&'a [u8]> {
    found.map(PyBytesMethods::as_bytes)
}

impl PaceFiles {
    fn take_all(
        &mut self,
        counts: [Option<&[u8]>; PARTIES],
        now_ns: i64,
        uptime_ns: i64,
    ) -> std::io::Result<End> {
        if self.lock.try_lock().is_err() {
            return Ok(End::Odd);
        }
        let _locked = Locked(&self.lock);
        let changed_ns = changed_ns(&self.directory.metadata()?);
        if self.seen_ns != Some(changed_ns) {
            for party in &self.files {
                if party.file.metadata()?.nlink() == 0 {
                    return Ok(End::Gone);
                }
            }
            let is_settled = now_ns.abs_diff(changed_ns) > CLOCK_STEP_NS;
            self.seen_ns = is_settled.then_some(changed_ns);
        }
        let files = &mut self.files;
        let counted = || counts.iter().enumerate().filter_map(|(at, it)| Some((at, (*it)?)));
        for (at, counts) in counted() {
            let Some(party) = files.get_mut(at) else { return Ok(End::Odd) };
            if party.take(counts, now_ns, uptime_ns)?.is_none() {
                return Ok(End::Odd);
            }
        }
        for (at, _) in counted() {
            let Some(party) = files.get_mut(at) else { return Ok(End::Odd) };
            party.write()?;
        }
        Ok(End::Took)
    }
}

/// Returns when a directory's names last changed.
fn changed_ns(directory: &Metadata) -> i64 {
    directory.mtime().saturating_mul(SECOND_NS).saturating_add(directory.mtime_nsec())
}
