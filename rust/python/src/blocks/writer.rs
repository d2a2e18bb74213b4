//! A journal's writer: a thread that has batches written and needs nothing of Python's for it.
//!
//! A thread of Python's waits for the interpreter before and after each batch, and with it for
//! whoever has it; each such wait wakes the other one too early. `store/commit.py` hands batches
//! over, one at a time, and reads at the other end of a pipe that one is on the medium.

use std::io::{Error, PipeReader, PipeWriter, Read, Result, Write, pipe};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::{Bound, PyAny, PyResult, Python, pyclass, pymethods};

use super::file::{Shared, told};
use super::{Batch, BlockFile};

/// What is to be written, and where.
struct Job {
    files: Shared,
    offset: u64,
    batch: Batch,
    room: usize,
}

/// What became of a batch, and how long that took.
type Done = Arc<Mutex<Option<(Result<()>, Duration)>>>;

/// Writes batches, one at a time, in a thread of its own.
#[pyclass(module = "steelyard._native")]
pub(crate) struct BatchWriter {
    jobs: Sender<Job>,
    done: Done,
    bell: PipeReader,
}

#[pymethods]
impl BatchWriter {
    #[new]
    fn new(py: Python<'_>) -> PyResult<Self> {
        let (jobs, waiting) = channel();
        let done = Done::default();
        let begun = pipe().and_then(|(bell, rope)| {
            let outcome = Arc::clone(&done);
            let thread = Builder::new().name("journal".to_owned());
            thread.spawn(move || write(&waiting, &outcome, rope)).map(|_| bell)
        });
        let bell = begun.map_err(|error| told(py, &error))?;
        Ok(Self { jobs, done, bell })
    }

    /// Returns the descriptor that can be read when a batch is done.
    fn fileno(&self) -> RawFd {
        self.bell.as_raw_fd()
    }

    /// Has a batch written, and so many zeros behind it; false if it is not a native one.
    fn write(
        &self,
        file: &Bound<'_, BlockFile>,
        offset: u64,
        batch: &Bound<'_, PyAny>,
        room_bytes: usize,
    ) -> PyResult<bool> {
        let Ok(batch) = batch.cast_exact::<Batch>() else { return Ok(false) };
        let files = file.try_borrow()?.shared()?;
        let batch = batch.try_borrow_mut()?.handed();
        let job = Job { files, offset, batch, room: room_bytes };
        self.jobs.send(job).map_err(|_| PyValueError::new_err("the writer has ended"))?;
        Ok(true)
    }

    /// Returns how long the disk took for the batch that is done, in nanoseconds; waits for it.
    fn take(&mut self, py: Python<'_>) -> PyResult<u64> {
        let bell = &mut self.bell;
        let heard = py.detach(|| bell.read_exact(&mut [0]));
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((written, taken)) = done.filter(|_| heard.is_ok()) else {
            return Err(PyOSError::new_err("the journal's writer has ended by a bug"));
        };
        written.map_err(|error| told(py, &error))?;
        Ok(u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// Writes what comes until nobody hands over any more.
#[allow(clippy::disallowed_methods, reason = "how long the disk took is told, not gone by")]
fn write(waiting: &Receiver<Job>, done: &Done, mut rope: PipeWriter) {
    while let Ok(job) = waiting.recv() {
        let Job { files, offset, mut batch, room } = job;
        let begun = Instant::now();
        let written = files
            .lock()
            .map_err(|_| Error::other("a write to the journal has ended by a bug"))
            .and_then(|mut files| files.put(offset, &mut batch.blocks, room));
        drop(batch);
        let told = Some((written, begun.elapsed()));
        *done.lock().unwrap_or_else(PoisonError::into_inner) = told;
        if rope.write_all(&[1]).is_err() {
            break; // nobody listens any more
        }
    }
}
