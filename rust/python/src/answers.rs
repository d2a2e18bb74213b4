//! HTTP answers as bytes, for `net/http_connection.py`.

use pyo3::types::{PyBytes, PyBytesMethods, PyDict, PyDictMethods, PyString, PyStringMethods};
use pyo3::{Bound, PyAny, PyResult, Python, pyfunction};

/// Room for the head of nearly every answer.
const HEAD_BYTES: usize = 512;

/// Returns an answer that begins so, with these headers, its body and the body's length.
///
/// None where a header has anything but printable ASCII, or the body is not `bytes`: what is to be
/// said then, Python knows.
#[pyfunction]
pub(crate) fn write_answer<'py>(
    py: Python<'py>,
    begin: &str,
    headers: &Bound<'py, PyDict>,
    body: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let Ok(body) = body.cast::<PyBytes>() else { return Ok(None) };
    let body = body.as_bytes();
    let mut head = Vec::with_capacity(HEAD_BYTES);
    head.extend_from_slice(begin.as_bytes());
    for (name, value) in headers.iter() {
        let (Ok(name), Ok(value)) = (name.cast::<PyString>(), value.cast::<PyString>()) else {
            return Ok(None);
        };
        let (Ok(name), Ok(value)) = (name.to_str(), value.to_str()) else { return Ok(None) };
        if !is_plain(name) || !is_plain(value) {
            return Ok(None);
        }
        for part in [name, ": ", value, "\r\n"] {
            head.extend_from_slice(part.as_bytes());
        }
    }
    head.extend_from_slice(b"content-length: ");
    head.extend_from_slice(body.len().to_string().as_bytes());
    head.extend_from_slice(b"\r\n\r\n");
    let size = head.len().saturating_add(body.len());
    PyBytes::new_with(py, size, |place| {
        if let Some((front, behind)) = place.split_at_mut_checked(head.len()) {
            front.copy_from_slice(&head);
            behind.copy_from_slice(body);
        }
        Ok(())
    })
    .map(Some)
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}
