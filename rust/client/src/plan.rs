//! A table of messages made ready: the names of each object as a list, in the order of the table.

use crate::table::{Kind, MessageTable, Slot, StreamTable};

/// So many fields a message may have: each is a bit of what has been seen.
pub const FIELDS_MAX: usize = 64;

/// So many names may lead to a field.
pub const PATH_MAX: usize = 8;

/// Where a name leads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    /// To a value, with its bit.
    Value(Slot, u64),
    /// To another object.
    Object(usize),
    /// To the text that names the kind.
    Kind,
    /// To the payload.
    Payload,
}

/// A name in an object.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: Box<[u8]>,
    pub(crate) then: Then,
}

/// The names of an object and of those inside it; the first is the outermost.
#[derive(Debug)]
pub(crate) struct Objects(Vec<Vec<Entry>>);

/// One kind of message.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) names: Vec<Box<[u8]>>,
    pub(crate) prefixes: Vec<Box<[u8]>>,
    pub(crate) objects: Objects,
    pub(crate) required: u64,
    pub(crate) has_first: bool,
}

impl Objects {
    fn new() -> Self {
        Self(vec![Vec::new()])
    }

    /// Returns the entry of a name; `hint` is where to look first, and becomes the place behind it.
    #[inline(always)]
    pub(crate) fn find(&self, object: usize, name: &[u8], hint: &mut usize) -> Option<Then> {
        let entries = self.0.get(object)?;
        let (place, entry) = match entries.get(*hint) {
            Some(entry) if *entry.name == *name => (*hint, entry),
            _ => entries.iter().enumerate().find(|(_, entry)| *entry.name == *name)?,
        };
        *hint = place.saturating_add(1);
        Some(entry.then)
    }

    /// Adds where a path leads, or says what is wrong with it.
    fn add(&mut self, path: &[String], then: Then) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("{}: {why}", path.join(".")));
        let Some((last, above)) = path.split_last() else { return wrong("a path names nothing") };
        if path.len() > PATH_MAX {
            return wrong("a path has too many names");
        }
        let mut object = 0;
        for name in above {
            let next = self.0.len();
            let Some(entries) = self.0.get_mut(object) else { return wrong("no such object") };
            object = match entries.iter().find(|it| *it.name == *name.as_bytes()) {
                Some(Entry { then: Then::Object(inner), .. }) => *inner,
                Some(_) => return wrong("a value cannot be an object as well"),
                None => {
                    entries.push(Entry { name: name.as_bytes().into(), then: Then::Object(next) });
                    self.0.push(Vec::new());
                    next
                }
            };
        }
        let Some(entries) = self.0.get_mut(object) else { return wrong("no such object") };
        if entries.iter().any(|it| *it.name == *last.as_bytes()) {
            return wrong("the table has it twice");
        }
        entries.push(Entry { name: last.as_bytes().into(), then });
        Ok(())
    }
}

/// Returns where a frame has its kind and its payload.
pub(crate) fn envelope(table: &StreamTable) -> Result<Objects, String> {
    let mut objects = Objects::new();
    objects.add(&table.kind_path, Then::Kind)?;
    if !table.payload_path.is_empty() {
        objects.add(&table.payload_path, Then::Payload)?;
    }
    Ok(objects)
}

impl Plan {
    /// Makes a kind of message ready; `is_named` is false where the message does not say of what,
    /// `is_numbered` where books have no sequence.
    pub(crate) fn new(
        table: &MessageTable,
        is_named: bool,
        is_numbered: bool,
    ) -> Result<Self, String> {
        let mut objects = Objects::new();
        let mut required = 0;
        if table.fields.len() > FIELDS_MAX {
            return Err(format!("a message has at most {FIELDS_MAX} fields"));
        }
        for (place, field) in table.fields.iter().enumerate() {
            let bit = 1_u64.checked_shl(u32::try_from(place).unwrap_or(u32::MAX)).unwrap_or(0);
            objects.add(&field.path, Then::Value(field.slot, bit))?;
            if field.is_required {
                required |= bit;
            }
        }
        let has = |slot| table.fields.iter().any(|it| it.slot == slot && it.is_required);
        let needs: &[Slot] = match table.kind {
            Kind::Snapshot | Kind::Delta if is_numbered => &[Slot::Last, Slot::Bids, Slot::Asks],
            Kind::Snapshot | Kind::Delta => &[Slot::Bids, Slot::Asks],
            Kind::Trade => &[Slot::Price, Slot::Size, Slot::TakerSide],
            Kind::Touch => &[Slot::BidPrice, Slot::BidSize, Slot::AskPrice, Slot::AskSize],
        };
        let symbol: &[Slot] = if is_named { &[Slot::Symbol] } else { &[] };
        if let Some(missing) = needs.iter().chain(symbol).find(|slot| !has(**slot)) {
            return Err(format!("a message of kind {:?} needs a required {missing:?}", table.kind));
        }
        let all = |texts: &[String]| texts.iter().map(|it| it.as_bytes().into()).collect();
        Ok(Self {
            kind: table.kind,
            names: all(&table.names),
            prefixes: all(&table.prefixes),
            objects,
            required,
            has_first: has(Slot::First),
        })
    }

    /// Whether a text names this kind.
    #[inline(always)]
    pub(crate) fn is_named(&self, text: &[u8]) -> bool {
        self.names.iter().any(|name| **name == *text)
            || self.prefixes.iter().any(|prefix| text.starts_with(prefix))
    }
}
