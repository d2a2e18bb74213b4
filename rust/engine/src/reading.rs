//! Records of commands as values, for those who look at commands before they carry them out.

use crate::command::Command;
use crate::wire::{self, Head, Malformed};

/// Returns the commands of some records, and their times.
///
/// # Errors
///
/// The bytes are not commands of the layout.
pub fn commands_of(records: &[u8]) -> Result<Vec<(Command, i64)>, Malformed> {
    let mut found = Vec::new();
    let mut rest = records;
    while !rest.is_empty() {
        let offset = records.len().saturating_sub(rest.len());
        let read = wire::look(rest).and_then(|_| {
            let head = Head::read(rest)?;
            let (command, after) = wire::decode(&head)?;
            Ok((command, head.now_ns(), after))
        });
        let (command, now_ns, after) = read.map_err(|fault| Malformed { offset, fault })?;
        found.push((command, now_ns));
        rest = after;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Transfer;
    use crate::wire::{Record, tag};

    #[test]
    fn records_read_as_the_commands_that_they_are() {
        let mut record = Record::<40>::new(tag::DEPOSIT, 100);
        record.i64(7).u32(1).i128(5);
        let mut records = record.bytes().to_vec();
        records.extend_from_slice(record.bytes());
        let deposit = Transfer { account_id: 100, asset_id: 1, amount_atoms: 5 };
        let expected = (Command::Deposit(deposit), 7);
        assert_eq!(commands_of(&records).unwrap(), [expected.clone(), expected]);
        records.extend_from_slice(&[9; 20]);
        assert_eq!(commands_of(&records).unwrap_err().offset, 80);
    }
}
