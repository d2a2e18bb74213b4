//! Plain HTTP requests, for `net/request_reader.py`.

use pyo3::types::{PyBytes, PyDict, PyDictMethods, PyString};
use pyo3::{Bound, PyResult, Python, pyfunction};

/// A request's method, target, headers and body.
type Parts<'py> =
    (Bound<'py, PyString>, Bound<'py, PyString>, Bound<'py, PyDict>, Bound<'py, PyBytes>);

/// Returns the one plain request that these bytes are, None where they are anything else.
#[pyfunction]
pub(crate) fn read_request<'py>(
    py: Python<'py>,
    data: &[u8],
    headers_max: usize,
) -> PyResult<Option<Parts<'py>>> {
    let Some(request) = steelyard_server::read(data, headers_max) else { return Ok(None) };
    let headers = PyDict::new(py);
    for (name, value) in &request.headers {
        headers.set_item(PyString::new(py, name), PyString::new(py, value))?;
    }
    let method = PyString::intern(py, request.method);
    let target = PyString::new(py, request.target);
    Ok(Some((method, target, headers, PyBytes::new(py, request.body))))
}
