//! A filter as text again, in one canonical form: names and texts quoted, groups in parentheses.

use super::{Filter, Literal, Node, Predicate, Test};
use crate::condition::{Comparison, LikeForm};
use std::fmt::{Display, Formatter, Result, Write as _};

impl Display for Filter {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        self.root.fmt(out)
    }
}

impl Display for Node {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        match self {
            Node::Or(nodes) => joined(out, nodes, " OR "),
            Node::Xor(nodes) => joined(out, nodes, " XOR "),
            Node::And(nodes) => joined(out, nodes, " AND "),
            Node::Not(node) => write!(out, "NOT ({node})"),
            Node::Predicate(predicate) => predicate.fmt(out),
        }
    }
}

fn joined(out: &mut Formatter<'_>, nodes: &[Node], operator: &str) -> Result {
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            out.write_str(operator)?;
        }
        write!(out, "({node})")?;
    }
    Ok(())
}

impl Display for Predicate {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        write!(out, "\"{}\" ", self.field.replace('"', "\"\""))?;
        let not = if self.negated { "NOT " } else { "" };
        match &self.test {
            Test::IsNull => write!(out, "IS {not}NULL"),
            Test::Compare(comparison, value) => write!(out, "{not}{} {value}", comparison.wire_name()),
            Test::Like(form, value) => write!(out, "{not}{} {value}", form.wire_name()),
            Test::Between(low, high) => write!(out, "{not}BETWEEN {low} AND {high}"),
            Test::In(values) => {
                write!(out, "{not}IN (")?;
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        out.write_str(", ")?;
                    }
                    value.fmt(out)?;
                }
                out.write_char(')')
            }
        }
    }
}

impl Display for Literal {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        match self {
            Literal::Quoted(text) => write!(out, "'{}'", text.replace('\'', "''")),
            Literal::Bare(text) => out.write_str(text),
            Literal::Parameter(name) => write!(out, ":{name}"),
            Literal::Time(function) => out.write_str(function.wire_name()),
        }
    }
}

impl Comparison {
    fn wire_name(self) -> &'static str {
        match self {
            Comparison::NotEqual => "!=",
            other => other.sql(),
        }
    }
}

impl LikeForm {
    fn wire_name(self) -> &'static str {
        match self {
            LikeForm::Pattern => "LIKE",
            LikeForm::Contains => "CONTAINS",
            LikeForm::StartsWith => "STARTS WITH",
            LikeForm::EndsWith => "ENDS WITH",
        }
    }
}
