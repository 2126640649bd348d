//! Injection attempts (reference: database-service 21) against a real table: each is an error or finds nothing, none changes
//! anything.

use super::*;

const ATTACKS: &[&str] = &[
    "name = 'x' OR 1=1",
    "name = x' OR 1=1",
    "name = 'x' OR '1'='1'",
    "name = x' OR '1'='1",
    "name = '' OR ''=''",
    "name = 'x' OR 1=1 --",
    "name = 'x' OR 1=1 #",
    "name = 'x' OR 1=1 /*",
    "name = 'x'/**/OR/**/1=1",
    "name='x' UNION SELECT 1",
    "name='x' UNION SELECT id FROM todo --'",
    "name='x'; DROP TABLE todo",
    "name='x'; DROP TABLE todo; --'",
    "name='x'; DELETE FROM todo WHERE name like '%'",
    "name = 'x'; UPDATE todo SET name = 'y'",
    "name = 'x'; INSERT INTO todo (name) VALUES ('y')",
    "name = (SELECT name FROM todo LIMIT 1)",
    "name = (name)",
    "name in (SELECT name FROM todo)",
    "name in (name)",
    "id = (SELECT MAX(id) FROM todo)",
    "id=1 OR 1=1",
    "id = SLEEP(5)",
    "name = 'x' OR SLEEP(5)",
    "name = randomblob(1000000000)",
    "name = 'x' OR secret = 'x'",
    "secret like '%'",
    "name like 'x' ESCAPE '%'",
    "name = \"name\"",
    "name = `name`",
    "\"name\" = 'x' OR \"1\"=\"1\"",
    "\"id\"\" OR 1=1 --\" = 1",
    "`id`` OR 1=1 --` = 1",
    "name = 'x\\' OR 1=1 --'",
    "name = 'x'' OR ''1''=''1'",
    "name = {user.email}",
    "name = '{user.email}'",
    "name = 'x' || name = name",
    "name = 'x') OR (1=1",
    "name = 'x')) OR ((id > 0",
    "name = :p OR 1=1",
    "name = ?1",
    "name = 'x\u{0}' OR 1=1",
    "name = ＇x＇ OR 1=1",
];

#[test]
fn attacks_find_nothing_and_change_nothing() {
    let rows = todo_rows();
    let dump = || -> String {
        rows.query_row("SELECT group_concat(id || name || complete || secret) FROM todo", [], |row| row.get(0)).unwrap()
    };
    let before = dump();
    for attack in ATTACKS {
        match bind(attack, None) {
            Err(error) => assert_eq!(error.status, 400, "{attack}"),
            Ok(condition) => assert_eq!(ids_where(&rows, &condition.unwrap()), Vec::<i64>::new(), "{attack}"),
        }
    }
    assert_eq!(dump(), before);
}

#[test]
fn the_text_of_a_value_never_reaches_the_statement() {
    for attack in ATTACKS {
        let Ok(Some(condition)) = bind(attack, None) else { continue };
        let mut statement = crate::statement::Statement::new(&crate::fixture::Quoting);
        condition.write(&mut statement);
        let known =
            ["\"name\"", "\"id\"", "\"secret\"", "=", "<>", "OR", "AND", "IN", "LIKE", "ESCAPE", "'!'", "1", "0"];
        for word in
            statement.sql().split([' ', '(', ')', ',']).filter(|word| !word.is_empty() && !word.starts_with('?'))
        {
            assert!(known.contains(&word), "{attack} wrote {word}");
        }
    }
}
