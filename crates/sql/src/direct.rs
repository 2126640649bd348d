//! Statements of the product's own over tables of its own: migrations, look-ups of identities. Never for a client's text.

use crate::database::Database;
use crate::dialect::EachRow;
use crate::statement::{Bound, Statement};
use antiphon_model::Result;

impl Database {
    /// Runs several statements without values on the writing connection: migrations.
    ///
    /// # Errors
    /// When the database refuses one of them.
    pub fn run(&self, sql: &str) -> Result<()> {
        Ok(self.backend().writer()?.run(sql)?)
    }

    /// Hands over the rows of a query one by one. Each `?` of the text stands for the next value.
    ///
    /// # Errors
    /// When the database refuses the query, and whatever `each` returns.
    pub fn query(&self, sql: &str, values: &[Bound], each: EachRow<'_>) -> Result<()> {
        Ok(self.reader()?.query(&self.bound(sql, values), each)?)
    }

    /// Runs one changing statement and tells how many rows it touched. Each `?` of the text stands for the next value.
    ///
    /// # Errors
    /// When the database refuses it.
    pub fn execute(&self, sql: &str, values: &[Bound]) -> Result<u64> {
        Ok(self.backend().writer()?.execute(&self.bound(sql, values))?)
    }

    /// Runs a changing statement and hands over the rows that it returns. Each `?` of the text stands for the next value.
    ///
    /// # Errors
    /// When the database refuses it, and whatever `each` returns.
    pub fn change(&self, sql: &str, values: &[Bound], each: EachRow<'_>) -> Result<()> {
        Ok(self.backend().writer()?.query(&self.bound(sql, values), each)?)
    }

    pub(crate) fn bound(&self, sql: &str, values: &[Bound]) -> Statement<'_> {
        let mut statement = Statement::new(self.backend().dialect());
        let mut values = values.iter();
        for (index, piece) in sql.split('?').enumerate() {
            if index > 0 {
                statement.bind(values.next().cloned().unwrap_or(Bound::Null));
            }
            statement.push(piece);
        }
        statement
    }
}
