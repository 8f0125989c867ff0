//! The records of pause's report pipe.

use pause_init::Record;

/// Joins the bytes of a report pipe to records. pause writes whole records, so a read ends within one only if another
/// process of the pod wrote to the pipe.
#[derive(Debug, Default)]
pub struct PauseRecords {
    partial: Vec<u8>,
}

impl PauseRecords {
    /// The records that are complete with these bytes.
    pub fn add(&mut self, bytes: &[u8]) -> Vec<Record> {
        self.partial.extend_from_slice(bytes);
        let (records, rest) = self.partial.as_chunks();
        let records = records.iter().map(Record::decode).collect();
        self.partial = rest.to_vec();
        records
    }
}
