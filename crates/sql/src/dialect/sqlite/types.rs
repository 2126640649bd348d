//! SQLite's column types and the types on the wire (4.2, 4.3).

use crate::catalog::FieldType;

/// What a declared type says: its words, and the numbers in parentheses.
#[derive(Debug, PartialEq)]
pub(crate) struct Declared {
    pub(crate) word: String,
    pub(crate) length: Option<u32>,
    pub(crate) scale: Option<u32>,
}

/// Takes `decimal(10,2)` apart.
pub(crate) fn declared(db_type: &str) -> Declared {
    let lower = db_type.to_ascii_lowercase();
    let (word, numbers) = lower.split_once('(').unwrap_or((&lower, ""));
    let mut numbers = numbers.trim_end_matches(')').split(',').map(|number| number.trim().parse().ok());
    Declared { word: word.trim().to_owned(), length: numbers.next().flatten(), scale: numbers.next().flatten() }
}

/// The wire type of a declared type.
pub(crate) fn field_type(declared: &Declared) -> FieldType {
    let word = declared.word.as_str();
    let holds = |part: &str| word.contains(part);
    match word {
        "bit" => FieldType::Boolean,
        "tinyint" | "smallint" | "mediumint" | "int" | "integer" if declared.length == Some(1) => FieldType::Boolean,
        "tinyint" | "smallint" | "mediumint" | "int" | "integer" => FieldType::Integer,
        "bigint" => FieldType::Bigint,
        "decimal" | "numeric" => FieldType::Decimal,
        "real" => FieldType::Float,
        "date" => FieldType::Date,
        "uuid" => FieldType::Uuid,
        _ if holds("bool") => FieldType::Boolean,
        _ if holds("double") => FieldType::Double,
        _ if holds("float") => FieldType::Float,
        _ if holds("money") => FieldType::Money,
        _ if holds("timestamp") => FieldType::Timestamp,
        _ if holds("datetime") => FieldType::Datetime,
        _ if holds("time") => FieldType::Time,
        _ if holds("binary") || holds("blob") => FieldType::Binary,
        _ if holds("text") || holds("clob") => FieldType::Text,
        _ => FieldType::String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_type_is_taken_apart_and_mapped() {
        let cases = [
            ("tinyint(1)", FieldType::Boolean),
            ("INTEGER", FieldType::Integer),
            ("decimal(10,2)", FieldType::Decimal),
            ("varchar(80)", FieldType::String),
            ("double precision", FieldType::Double),
            ("timestamp", FieldType::Timestamp),
            ("blob", FieldType::Binary),
            ("json", FieldType::String),
            ("", FieldType::String),
        ];
        for (text, kind) in cases {
            assert_eq!(field_type(&declared(text)), kind, "{text}");
        }
        let decimal = declared("decimal(10, 2)");
        assert_eq!((decimal.length, decimal.scale), (Some(10), Some(2)));
    }
}
