//! Records as messages and messages as records, as `src/steelyard/domain/layout.py` describes them.
//!
//! Only what is right is read and written here. Whatever is not goes to the code in Python, which
//! knows what to say of it, and so do the few records that hold other records.

use pyo3::exceptions::PyValueError;
use pyo3::types::{
    PyAnyMethods, PyBytes, PyBytesMethods, PyDict, PyDictMethods, PyList, PyString,
    PyStringMethods, PyTuple, PyTupleMethods, PyType,
};
use pyo3::{
    Bound, FromPyObject, IntoPyObject, IntoPyObjectExt, Py, PyAny, PyErr, PyResult, Python,
    pyclass, pymethods,
};

/// Where a command has its time.
const TIME_AT: usize = 8;

/// What stands for an absent number.
const ABSENT: i64 = -1;

/// A message, its `now_ns`, and where its record ends.
type Decoded<'py> = (Bound<'py, PyAny>, i64, usize);

/// One row of the layout, as `layout.forms` gives it.
#[derive(FromPyObject)]
struct Form<'py> {
    tag: usize,
    message: Bound<'py, PyAny>,
    size: usize,
    is_command: bool,
    is_headed: bool,
    tail_max: Option<usize>,
    fields: Vec<(usize, String, bool, Option<Bound<'py, PyDict>>)>,
}

enum Kind {
    /// A member of an enum or a flag, by the value's byte.
    Named(Vec<Option<Py<PyAny>>>),
    I8,
    U8,
    I32,
    U32,
    I64,
    U64,
    I128,
    Tail,
}

struct Field {
    at: usize,
    kind: Kind,
    is_optional: bool,
}

struct Row {
    message: Py<PyAny>,
    size: usize,
    is_command: bool,
    is_headed: bool,
    tail_max: Option<usize>,
    fields: Vec<Field>,
}

/// Decodes records; what it cannot, `otherwise` can.
#[pyclass(frozen, module = "steelyard._native")]
pub(crate) struct Decoder {
    rows: Vec<Option<Row>>,
    otherwise: Py<PyAny>,
}

#[pymethods]
impl Decoder {
    #[new]
    fn new(forms: Vec<Form<'_>>, otherwise: Py<PyAny>) -> PyResult<Self> {
        let last = forms.iter().map(|form| form.tag).max().unwrap_or_default();
        let mut rows = Vec::new();
        rows.resize_with(last.saturating_add(1), || None);
        for form in forms {
            if let Some(row) = rows.get_mut(form.tag) {
                *row = Some(Row::new(form)?);
            }
        }
        Ok(Self { rows, otherwise })
    }

    /// Returns the message at an offset, its `now_ns`, and the end.
    #[pyo3(signature = (records, offset = 0))]
    fn decode<'py>(&self, records: &Bound<'py, PyBytes>, offset: usize) -> PyResult<Decoded<'py>> {
        let py = records.py();
        let found = self.read(py, records.as_bytes(), offset)?;
        found.map_or_else(|| self.otherwise.bind(py).call1((records, offset))?.extract(), Ok)
    }

    /// Returns every message of a run of records.
    pub(crate) fn decode_all<'py>(
        &self,
        records: &Bound<'py, PyBytes>,
    ) -> PyResult<Bound<'py, PyList>> {
        let mut messages = Vec::new();
        let mut at = 0;
        while at < records.as_bytes().len() {
            let (message, _, end) = self.decode(records, at)?;
            messages.push(message);
            at = end;
        }
        PyList::new(records.py(), messages)
    }
}

impl Decoder {
    /// Returns the message that begins there, None where this one cannot tell.
    fn read<'py>(
        &self,
        py: Python<'py>,
        records: &[u8],
        offset: usize,
    ) -> PyResult<Option<Decoded<'py>>> {
        let Some(record) = records.get(offset..) else { return Ok(None) };
        let (Some(tag), Some(size)) = (bytes(record, 0), bytes(record, 2)) else { return Ok(None) };
        let size = usize::from(u16::from_le_bytes(size));
        let row = self.rows.get(usize::from(u16::from_le_bytes(tag)));
        let (Some(Some(row)), Some(record)) = (row, record.get(..size)) else { return Ok(None) };
        let Some(message) = row.message(py, record)? else { return Ok(None) };
        let time = row.is_command.then(|| bytes(record, TIME_AT)).flatten();
        let now_ns = time.map_or(0, i64::from_le_bytes);
        Ok(offset.checked_add(size).map(|end| (message, now_ns, end)))
    }
}

/// One way in which messages of a type are written.
struct Written {
    tag: u16,
    size: usize,
    is_command: bool,
    tail_max: Option<usize>,
    fields: Vec<(Py<PyString>, Field)>,
    /// What else such a message may say, and what that must be: this row has no room for it.
    beyond: Vec<(Py<PyString>, Py<PyAny>)>,
}

/// Encodes messages; what it cannot, `otherwise` can.
#[pyclass(frozen, module = "steelyard._native")]
pub(crate) struct Encoder {
    /// By type, the row with the fewest fields first.
    types: Vec<(Py<PyType>, Vec<Written>)>,
    otherwise: Py<PyAny>,
}

#[pymethods]
impl Encoder {
    #[new]
    fn new(py: Python<'_>, forms: Vec<Form<'_>>, otherwise: Py<PyAny>) -> PyResult<Self> {
        let mut types: Vec<(Py<PyType>, Vec<Written>)> = Vec::new();
        for form in forms {
            let message = form.message.cast::<PyType>().map_err(PyErr::from)?.clone();
            let written = Written::new(form)?;
            match types.iter_mut().find(|(known, _)| known.bind(py).is(&message)) {
                Some((_, rows)) => rows.push(written),
                None => types.push((message.unbind(), vec![written])),
            }
        }
        for (_, rows) in &mut types {
            rows.sort_by_key(|row| row.fields.len());
            if let Some(last) = rows.last_mut() {
                last.beyond.clear(); // what no row has room for does not cross the border
            }
        }
        Ok(Self { types, otherwise })
    }

    /// Returns a message as one record.
    fn encode<'py>(
        &self,
        message: &Bound<'py, PyAny>,
        now_ns: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        match self.written(message, now_ns)? {
            Some(record) => Ok(PyBytes::new(message.py(), &record)),
            None => {
                let otherwise = self.otherwise.bind(message.py());
                Ok(otherwise.call1((message, now_ns))?.cast_into::<PyBytes>()?)
            }
        }
    }
}

impl Encoder {
    /// Returns a message's record, None where this one cannot tell.
    pub(crate) fn written(
        &self,
        message: &Bound<'_, PyAny>,
        now_ns: i64,
    ) -> PyResult<Option<Vec<u8>>> {
        let py = message.py();
        let kind = message.get_type();
        let rows = self.types.iter().find(|(known, _)| known.bind(py).is(&kind));
        for row in rows.map(|(_, rows)| rows.as_slice()).unwrap_or_default() {
            if row.fits(message)? {
                return row.record(message, now_ns);
            }
        }
        Ok(None)
    }
}

impl Written {
    fn new(form: Form<'_>) -> PyResult<Self> {
        let names = form.message.getattr("__struct_fields__")?.cast_into::<PyTuple>()?;
        let names = names.iter().map(|name| Ok(name.cast_into::<PyString>()?));
        let names = names.collect::<PyResult<Vec<_>>>()?;
        let defaults = form.message.getattr("__struct_defaults__")?.cast_into::<PyTuple>()?;
        let count = form.fields.len();
        // The last fields are those with defaults.
        let defaulted = names.len().saturating_sub(defaults.len());
        let mut beyond = Vec::new();
        for (place, name) in names.iter().enumerate().skip(count) {
            let default = place.checked_sub(defaulted).map(|place| defaults.get_item(place));
            let default = default.ok_or_else(|| PyValueError::new_err("a row is too short"))??;
            beyond.push((name.clone().unbind(), default.unbind()));
        }
        let (size, is_command, tail_max) = (form.size, form.is_command, form.tail_max);
        let tag = u16::try_from(form.tag)?;
        let fields =
            form.fields.into_iter().zip(names).map(|((at, kind, is_optional, _), name)| {
                Ok((name.unbind(), Field { at, kind: Kind::of(&kind)?, is_optional }))
            });
        let fields = fields.collect::<PyResult<_>>()?;
        Ok(Self { tag, size, is_command, tail_max, fields, beyond })
    }

    /// Whether this row has room for all that a message says.
    fn fits(&self, message: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = message.py();
        for (name, default) in &self.beyond {
            let value = message.getattr(name.bind(py))?;
            if !value.is(default.bind(py)) && !value.eq(default.bind(py))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns a message's record, None where a value does not fit its field.
    fn record(&self, message: &Bound<'_, PyAny>, now_ns: i64) -> PyResult<Option<Vec<u8>>> {
        let py = message.py();
        let mut record = vec![0; self.size];
        let mut tail = None;
        for (name, field) in &self.fields {
            let value = message.getattr(name.bind(py))?;
            if matches!(field.kind, Kind::Tail) {
                tail = Some(value);
            } else if field.put(&value, &mut record).is_none() {
                return Ok(None);
            }
        }
        if let Some(tail) = tail {
            let Ok(text) = tail.cast_into::<PyString>() else { return Ok(None) };
            let text = text.to_str()?;
            if !text.is_ascii() || Some(text.len()) > self.tail_max {
                return Ok(None);
            }
            record.extend_from_slice(text.as_bytes());
            record.resize(record.len().next_multiple_of(8), 0);
        }
        let Ok(size) = u16::try_from(record.len()) else { return Ok(None) };
        let is_head = put(&mut record, 0, self.tag.to_le_bytes())
            .and_then(|()| put(&mut record, 2, size.to_le_bytes()))
            .and_then(|()| match self.is_command {
                true => put(&mut record, TIME_AT, now_ns.to_le_bytes()),
                false => Some(()),
            });
        Ok(is_head.map(|()| record))
    }
}

impl Row {
    fn new(form: Form<'_>) -> PyResult<Self> {
        let fields = form.fields.into_iter().map(|(at, kind, is_optional, names)| {
            let kind = match names {
                Some(names) => Kind::Named(by_byte(&names)?),
                None => Kind::of(&kind)?,
            };
            Ok(Field { at, kind, is_optional })
        });
        Ok(Self {
            fields: fields.collect::<PyResult<_>>()?,
            message: form.message.unbind(),
            size: form.size,
            is_command: form.is_command,
            is_headed: form.is_headed,
            tail_max: form.tail_max,
        })
    }

    fn message<'py>(&self, py: Python<'py>, record: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
        let is_sized = match self.tail_max {
            None => record.len() == self.size,
            Some(_) => record.len() >= self.size && record.len().is_multiple_of(8),
        };
        let is_headed = self.is_headed || bytes(record, 4) == Some([0; 4]);
        if !is_sized || !is_headed {
            return Ok(None);
        }
        let mut values = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let Some(value) = field.value(py, record, self.tail_max)? else { return Ok(None) };
            values.push(value);
        }
        self.message.bind(py).call1(PyTuple::new(py, values)?).map(Some)
    }
}

impl Kind {
    fn of(name: &str) -> PyResult<Self> {
        Ok(match name {
            "i8" => Self::I8,
            "u8" => Self::U8,
            "i32" => Self::I32,
            "u32" => Self::U32,
            "i64" => Self::I64,
            "u64" => Self::U64,
            "i128" => Self::I128,
            "tail" => Self::Tail,
            _ => return Err(PyValueError::new_err(format!("no kind of field is called {name}"))),
        })
    }
}

impl Field {
    /// Returns what the field says, None where that does not exist.
    fn value<'py>(
        &self,
        py: Python<'py>,
        record: &[u8],
        tail_max: Option<usize>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let at = self.at;
        match &self.kind {
            Kind::Named(names) => {
                let byte = record.get(at).copied().map(usize::from);
                let name = byte.and_then(|byte| names.get(byte)?.as_ref());
                Ok(name.map(|name| name.bind(py).clone()))
            }
            Kind::I8 => number(py, bytes(record, at).map(i8::from_le_bytes)),
            Kind::U8 => number(py, bytes(record, at).map(u8::from_le_bytes)),
            Kind::I32 => number(py, bytes(record, at).map(i32::from_le_bytes)),
            Kind::U32 => number(py, bytes(record, at).map(u32::from_le_bytes)),
            Kind::I64 => self.maybe(py, bytes(record, at).map(i64::from_le_bytes)),
            Kind::U64 => number(py, bytes(record, at).map(u64::from_le_bytes)),
            Kind::I128 => {
                let value = bytes(record, at).map(i128::from_le_bytes);
                // Most amounts are small, and wide ones cost many times as much to hand over.
                match value.map(i64::try_from) {
                    Some(Ok(small)) => self.maybe(py, Some(small)),
                    Some(Err(_)) | None => number(py, value),
                }
            }
            Kind::Tail => match record.get(at..).and_then(|room| tail(room, at, tail_max?)) {
                Some(text) => text.into_bound_py_any(py).map(Some),
                None => Ok(None),
            },
        }
    }

    /// Writes a value; None where it does not fit.
    fn put(&self, value: &Bound<'_, PyAny>, record: &mut [u8]) -> Option<()> {
        let number = match self.is_optional && value.is_none() {
            true => ABSENT,
            false => match value.extract::<i64>() {
                Ok(ABSENT) if self.is_optional => return None,
                Ok(number) => number,
                Err(_) => return None,
            },
        };
        let at = self.at;
        match &self.kind {
            Kind::Named(_) | Kind::Tail => None,
            Kind::I8 => put(record, at, i8::try_from(number).ok()?.to_le_bytes()),
            Kind::U8 => put(record, at, u8::try_from(number).ok()?.to_le_bytes()),
            Kind::I32 => put(record, at, i32::try_from(number).ok()?.to_le_bytes()),
            Kind::U32 => put(record, at, u32::try_from(number).ok()?.to_le_bytes()),
            Kind::I64 => put(record, at, number.to_le_bytes()),
            Kind::U64 => put(record, at, u64::try_from(number).ok()?.to_le_bytes()),
            Kind::I128 => put(record, at, i128::from(number).to_le_bytes()),
        }
    }

    fn maybe<'py>(
        &self,
        py: Python<'py>,
        value: Option<i64>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.is_optional && value == Some(ABSENT) {
            true => Ok(Some(py.None().into_bound(py))),
            false => number(py, value),
        }
    }
}

fn number<'py, T>(py: Python<'py>, value: Option<T>) -> PyResult<Option<Bound<'py, PyAny>>>
where
    T: IntoPyObject<'py>,
    PyErr: From<T::Error>,
{
    value.map(|value| value.into_bound_py_any(py)).transpose()
}

/// Returns the text at the end of a record, in which there is no more room than it needs.
fn tail(room: &[u8], at: usize, longest: usize) -> Option<&str> {
    let length = room.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
    let whole = at.checked_add(length)?.checked_next_multiple_of(8)?;
    let text = room.get(..length)?;
    let is_right = text.is_ascii() && length <= longest && at.checked_add(room.len())? == whole;
    is_right.then(|| str::from_utf8(text).ok()).flatten()
}

fn bytes<const N: usize>(record: &[u8], at: usize) -> Option<[u8; N]> {
    record.get(at..)?.first_chunk().copied()
}

/// Writes bytes at a place; None where there is no room.
fn put<const N: usize>(record: &mut [u8], at: usize, bytes: [u8; N]) -> Option<()> {
    *record.get_mut(at..)?.first_chunk_mut()? = bytes;
    Some(())
}

/// Returns the names of a field's values, by the byte that a value is.
fn by_byte(names: &Bound<'_, PyDict>) -> PyResult<Vec<Option<Py<PyAny>>>> {
    let mut found = Vec::new();
    found.resize_with(1 << 8, || None);
    for (value, name) in names.iter() {
        let [byte, _] = value.extract::<i16>()?.to_le_bytes();
        if let Some(place) = found.get_mut(usize::from(byte)) {
            *place = Some(name.unbind());
        }
    }
    Ok(found)
}
