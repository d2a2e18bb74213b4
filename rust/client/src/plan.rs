//! A table of messages made ready: the names of each object as a list, in the order of the table.

use crate::json::Cursor;
use crate::malformed::Read;
use crate::table::{Kind, MessageTable, Slot, StreamTable, TimeForm};

/// So many fields a message may have: each is a bit of what has been seen.
pub const FIELDS_MAX: usize = 62;

/// The bits of the texts that name the kind, where they stand among the fields.
pub(crate) const KIND_BIT: u64 = 1 << 62;
pub(crate) const VARIANT_BIT: u64 = 1 << 63;

/// So many names may lead to a field.
pub const PATH_MAX: usize = 8;

/// Where a name leads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    /// To a value, with its bit.
    Value(Slot, u64),
    /// To a whole number in quotes, likewise.
    Quoted(Slot, u64),
    /// To another object.
    Object(usize),
    /// To the text that names the kind.
    Kind,
    /// To the text that names the variant.
    Variant,
    /// To the payload.
    Payload,
}

/// A name in an object.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: Box<[u8]>,
    /// The name as it mostly stands there: in quotes, with its colon.
    label: Box<[u8]>,
    pub(crate) then: Then,
}

impl Entry {
    fn new(name: &str, then: Then) -> Self {
        let label = format!("\"{name}\":").into_bytes().into();
        Self { name: name.as_bytes().into(), label, then }
    }
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
    variants: Vec<Box<[u8]>>,
    pub(crate) is_list: bool,
    pub(crate) objects: Objects,
    pub(crate) required: u64,
    pub(crate) has_first: bool,
}

impl Objects {
    fn new() -> Self {
        Self(vec![Vec::new()])
    }

    /// Reads a name and returns where it leads; `hint` is where to look first, and becomes the place
    /// behind it.
    #[inline(always)]
    pub(crate) fn find(
        &self,
        object: usize,
        cursor: &mut Cursor<'_>,
        hint: &mut usize,
    ) -> Read<Option<Then>> {
        let entries = self.0.get(object).map_or(&[][..], Vec::as_slice);
        if let Some(entry) = entries.get(*hint).filter(|entry| cursor.passes(&entry.label)) {
            cursor.space();
            *hint = hint.saturating_add(1);
            return Ok(Some(entry.then));
        }
        let name = cursor.name()?;
        let found = entries.iter().enumerate().find(|(_, entry)| *entry.name == *name);
        Ok(found.map(|(place, entry)| {
            *hint = place.saturating_add(1);
            entry.then
        }))
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
                    entries.push(Entry::new(name, Then::Object(next)));
                    self.0.push(Vec::new());
                    next
                }
            };
        }
        let Some(entries) = self.0.get_mut(object) else { return wrong("no such object") };
        if entries.iter().any(|it| *it.name == *last.as_bytes()) {
            return wrong("the table has it twice");
        }
        entries.push(Entry::new(last, then));
        Ok(())
    }
}

/// Returns where a frame has its kind, its payload and what stands beside it.
pub(crate) fn envelope(table: &StreamTable) -> Result<Objects, String> {
    let mut objects = Objects::new();
    objects.add(&table.kind_path, Then::Kind)?;
    if !table.variant_path.is_empty() {
        objects.add(&table.variant_path, Then::Variant)?;
    }
    if !table.payload_path.is_empty() {
        objects.add(&table.payload_path, Then::Payload)?;
    }
    for (place, field) in table.beside.iter().enumerate() {
        if !matches!(field.slot, Slot::Symbol | Slot::Time | Slot::Text | Slot::Integer) {
            return Err("only symbol, time, texts and whole numbers stand beside it".to_owned());
        }
        objects.add(&field.path, then(field.slot, field.is_quoted, bit(place))?)?;
    }
    Ok(objects)
}

fn bit(place: usize) -> u64 {
    1_u64.checked_shl(u32::try_from(place).unwrap_or(u32::MAX)).unwrap_or(0)
}

fn then(slot: Slot, is_quoted: bool, bit: u64) -> Result<Then, String> {
    if !is_quoted {
        return Ok(Then::Value(slot, bit));
    }
    let numbers = [Slot::First, Slot::Last, Slot::Previous, Slot::TradeId, Slot::Integer];
    if !numbers.contains(&slot) && !matches!(slot, Slot::Time | Slot::Checksum | Slot::Joined) {
        return Err(format!("{slot:?} is no whole number, which alone may stand in quotes"));
    }
    Ok(Then::Quoted(slot, bit))
}

impl Plan {
    /// Makes a kind of message ready; `is_asked` where it answers a question, and so does not say of
    /// what it is.
    pub(crate) fn new(
        table: &MessageTable,
        stream: &StreamTable,
        is_asked: bool,
    ) -> Result<Self, String> {
        let mut objects = Objects::new();
        let mut required = 0;
        if table.fields.len() > FIELDS_MAX {
            return Err(format!("a message has at most {FIELDS_MAX} fields"));
        }
        if !is_asked && stream.payload_path.is_empty() {
            // A message that is its own payload holds them, mostly first, and tells them once.
            objects.add(&stream.kind_path, Then::Kind)?;
            if !stream.variant_path.is_empty() {
                objects.add(&stream.variant_path, Then::Variant)?;
            }
        }
        for (place, field) in table.fields.iter().enumerate() {
            let bit = bit(place);
            objects.add(&field.path, then(field.slot, field.is_quoted, bit)?)?;
            if field.is_required {
                required |= bit;
            }
        }
        let is = |slot| table.fields.iter().any(|it| it.slot == slot && it.is_required);
        let is_beside = |slot| stream.beside.iter().any(|it| it.slot == slot);
        let is_book = matches!(table.kind, Kind::Snapshot | Kind::Delta);
        let mut needs: Vec<Slot> = match table.kind {
            Kind::Snapshot | Kind::Delta if is(Slot::Changes) => Vec::new(),
            Kind::Snapshot | Kind::Delta => vec![Slot::Bids, Slot::Asks],
            Kind::Trade => vec![Slot::Price, Slot::Size, Slot::TakerSide],
            Kind::Touch => vec![Slot::BidPrice, Slot::BidSize, Slot::AskPrice, Slot::AskSize],
        };
        let is_counted = stream.continuity == crate::book::Continuity::Unnumbered;
        if is_book && !is_counted {
            needs.push(Slot::Last);
        }
        if is_book && !is_asked && stream.checked_levels > 0 {
            needs.push(Slot::Checksum);
        }
        if !is_asked && !is_beside(Slot::Symbol) {
            needs.push(Slot::Symbol);
        }
        if let Some(missing) = needs.iter().find(|slot| !is(**slot)) {
            return Err(format!("a message of kind {:?} needs a required {missing:?}", table.kind));
        }
        let is_iso = stream.time_form == TimeForm::Iso;
        if is_iso && table.fields.iter().any(|it| it.slot == Slot::Time && it.is_quoted) {
            return Err("a time in ISO 8601 is no whole number".to_owned());
        }
        let all = |texts: &[String]| texts.iter().map(|it| it.as_bytes().into()).collect();
        Ok(Self {
            kind: table.kind,
            names: all(&table.names),
            prefixes: all(&table.prefixes),
            variants: all(&table.variants),
            is_list: table.is_list,
            objects,
            required,
            has_first: is(Slot::First),
        })
    }

    /// Whether a text names this kind, and another one of its variants.
    #[inline(always)]
    pub(crate) fn is_named(&self, text: &[u8], variant: &[u8]) -> bool {
        let is_kind = self.names.iter().any(|name| **name == *text)
            || self.prefixes.iter().any(|prefix| text.starts_with(prefix));
        is_kind && (self.variants.is_empty() || self.variants.iter().any(|it| **it == *variant))
    }
}
