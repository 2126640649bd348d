//! What is known of tables beyond the database itself: labels, aliases, validations, virtual relations (5.1).
//!
//! Where it is kept is the business of whoever opens the database; [`MemoryExtras`] serves tests and fixed definitions.

use antiphon_model::{Object, Result};
use parking_lot::Mutex;

/// What an extra is about, within its table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The table itself.
    Table,
    /// The column, or virtual field, of that name.
    Field(String),
    /// The relation of that generated name.
    Relation(String),
}

impl Subject {
    /// Whether both are the same, without regard to case.
    pub fn matches(&self, other: &Subject) -> bool {
        match (self, other) {
            (Subject::Table, Subject::Table) => true,
            (Subject::Field(left), Subject::Field(right)) | (Subject::Relation(left), Subject::Relation(right)) => {
                left.eq_ignore_ascii_case(right)
            }
            _ => false,
        }
    }
}

/// The extras of one table, field or relation, by their wire names.
///
/// A field's own type that the database can't tell is kept as `extra_type`; a virtual relation is one with
/// `is_virtual` true, with the members of 5.3.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra {
    /// Name of the table in the database.
    pub table: String,
    /// What it is about.
    pub subject: Subject,
    /// The values.
    pub values: Object,
}

/// A store of extras.
pub trait Extras: Send + Sync {
    /// All of them. Called whenever the structure is read anew.
    ///
    /// # Errors
    /// When the store can't be read.
    fn load(&self) -> Result<Vec<Extra>>;

    /// Keeps an extra in place of the former one about the same subject; without values it is forgotten.
    ///
    /// # Errors
    /// When the store can't be written.
    fn store(&self, extra: Extra) -> Result<()>;

    /// Forgets everything about a table and all that is in it.
    ///
    /// # Errors
    /// When the store can't be written.
    fn forget_table(&self, table: &str) -> Result<()>;
}

/// Extras that live as long as the process.
#[derive(Debug, Default)]
pub struct MemoryExtras(Mutex<Vec<Extra>>);

impl MemoryExtras {
    /// A store that holds these.
    pub fn new(extras: Vec<Extra>) -> MemoryExtras {
        MemoryExtras(Mutex::new(extras))
    }
}

impl Extras for MemoryExtras {
    fn load(&self) -> Result<Vec<Extra>> {
        Ok(self.0.lock().clone())
    }

    fn store(&self, extra: Extra) -> Result<()> {
        let mut extras = self.0.lock();
        extras
            .retain(|known| !(known.table.eq_ignore_ascii_case(&extra.table) && known.subject.matches(&extra.subject)));
        if !extra.values.is_empty() {
            extras.push(extra);
        }
        Ok(())
    }

    fn forget_table(&self, table: &str) -> Result<()> {
        self.0.lock().retain(|known| !known.table.eq_ignore_ascii_case(table));
        Ok(())
    }
}
