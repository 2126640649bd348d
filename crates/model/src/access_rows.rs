//! The rows of a role, found by path: a role may have thousands of them, and every call asks.

use crate::AccessRow;
use std::collections::HashMap;
use std::ops::Deref;

/// Rows in the order in which they are stored. Reads like a slice of them; [`AccessRows::fitting`] finds those that a path needs.
#[derive(Debug, Clone, Default)]
pub struct AccessRows {
    rows: Vec<AccessRow>,
    /// By service; none = the rows for every service.
    services: HashMap<Option<i64>, Components>,
}

/// Numbers of rows by component, in lower case and without slashes around.
#[derive(Debug, Clone, Default)]
struct Components {
    exact: HashMap<String, Vec<usize>>,
    /// By what stands before `/*`; empty for `*` alone.
    below: HashMap<String, Vec<usize>>,
}

/// Rows that fit a path. The first of these that has a row for the requestor decides alone (system-and-users 3.4).
#[derive(Debug, Default)]
pub struct Fitting<'r> {
    /// Rows of the service that name the path.
    pub exact: Vec<&'r AccessRow>,
    /// Rows of the service that end in a star and reach the path.
    pub wildcard: Vec<&'r AccessRow>,
    /// Rows for every service.
    pub every_service: Vec<&'r AccessRow>,
}

impl AccessRows {
    /// The rows for a path below a service, which has no slashes around it. No service = one that does not exist.
    pub fn fitting(&self, service_id: Option<i64>, path: &str) -> Fitting<'_> {
        let mut fitting = Fitting::default();
        if let Some(components) = self.services.get(&None) {
            fitting.every_service.extend(self.rows_at(&components.below, ""));
            if path.is_empty() {
                fitting.every_service.extend(self.rows_at(&components.exact, ""));
            }
        }
        let Some(components) = service_id.and_then(|id| self.services.get(&Some(id))) else { return fitting };
        let path = path.to_ascii_lowercase();
        fitting.exact.extend(self.rows_at(&components.exact, &path));
        fitting.wildcard.extend(self.rows_at(&components.below, ""));
        if !components.below.is_empty() && !path.is_empty() {
            let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
            for prefix in ends.map(|end| &path[..end]).filter(|prefix| !prefix.is_empty()) {
                fitting.wildcard.extend(self.rows_at(&components.below, prefix));
            }
        }
        fitting
    }

    fn rows_at<'r>(
        &'r self,
        map: &'r HashMap<String, Vec<usize>>,
        component: &str,
    ) -> impl Iterator<Item = &'r AccessRow> {
        map.get(component).into_iter().flatten().map(|number| &self.rows[*number])
    }
}

impl FromIterator<AccessRow> for AccessRows {
    fn from_iter<I: IntoIterator<Item = AccessRow>>(rows: I) -> AccessRows {
        let rows: Vec<AccessRow> = rows.into_iter().collect();
        let mut services: HashMap<Option<i64>, Components> = HashMap::new();
        for (number, row) in rows.iter().enumerate() {
            let components = services.entry(row.service_id).or_default();
            let component = row.component.trim_matches('/').to_ascii_lowercase();
            let below = if component == "*" { Some("") } else { component.strip_suffix("/*") };
            match below {
                Some(prefix) => components.below.entry(prefix.to_owned()).or_default().push(number),
                None => components.exact.entry(component).or_default().push(number),
            }
        }
        AccessRows { rows, services }
    }
}

impl From<Vec<AccessRow>> for AccessRows {
    fn from(rows: Vec<AccessRow>) -> AccessRows {
        rows.into_iter().collect()
    }
}

impl Deref for AccessRows {
    type Target = [AccessRow];

    fn deref(&self) -> &[AccessRow] {
        &self.rows
    }
}

impl PartialEq for AccessRows {
    fn eq(&self, other: &AccessRows) -> bool {
        self.rows == other.rows
    }
}
