//! Tables for people.

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use serde_json::Value;

use super::Shape;

/// The narrowest terminal that cells are wrapped for.
const NARROWEST: u16 = 60;

/// A list as a table with a row for each, one thing as a table with a row for each field.
pub(super) fn render(answer: &Value, fields: Option<&[String]>, shape: &Shape) -> String {
    let fields = |otherwise: &'static [&'static str]| -> Vec<&str> {
        match fields {
            Some(fields) => fields.iter().map(String::as_str).collect(),
            None => otherwise.to_vec(),
        }
    };
    match answer {
        Value::Array(items) if items.is_empty() => "none\n".to_owned(),
        Value::Array(items) => many(items, &fields(shape.columns)),
        one => single(one, &fields(shape.fields)),
    }
}

fn many(items: &[Value], fields: &[&str]) -> String {
    let mut table = empty();
    table.set_header(fields.iter().map(|field| Cell::new(field).add_attribute(Attribute::Bold)));
    for item in items {
        table.add_row(fields.iter().map(|field| cell(field, item.get(*field))));
    }
    format!("{table}\n")
}

fn single(item: &Value, fields: &[&str]) -> String {
    let mut table = empty();
    for field in fields {
        if let Some(value) = item.get(*field) {
            table.add_row([Cell::new(field).add_attribute(Attribute::Bold), cell(field, Some(value))]);
        }
    }
    format!("{table}\n")
}

fn empty() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    // Where the terminal is too narrow, or does not say how wide it is, long lines are better than tall columns.
    if table.width().is_some_and(|width| width >= NARROWEST) {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table
}

fn cell(field: &str, value: Option<&Value>) -> Cell {
    let text = text(field, value);
    let color = match (field, text.as_str()) {
        ("decision", "allowed") | ("action", "allow") => Some(Color::Green),
        ("decision", "blocked" | "refused") | ("action", "block") => Some(Color::Red),
        ("decision", _) => Some(Color::Yellow),
        _ => None,
    };
    let cell = Cell::new(text);
    match color {
        Some(color) => cell.fg(color),
        None => cell,
    }
}

/// A value as people read it. What could steer the terminal is escaped.
fn text(field: &str, value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(Value::String(time)) if field == "at" || field.ends_with("At") => {
            printable(&to_the_second(time))
        }
        Some(Value::String(text)) => printable(text),
        Some(Value::Array(items)) if items.is_empty() => "-".to_owned(),
        Some(Value::Array(items)) => {
            items.iter().map(|item| text(field, Some(item))).collect::<Vec<_>>().join(", ")
        }
        Some(other) => printable(&other.to_string()),
    }
}

fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|char| match char.is_control() {
            true => char.escape_debug().collect::<Vec<_>>(),
            false => vec![char],
        })
        .collect()
}

/// `2026-01-05T09:30:00.123Z` as `2026-01-05T09:30:00Z`.
fn to_the_second(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Shape, render};

    const SHAPE: Shape = Shape { fields: &["id", "name", "at"], columns: &["name", "at"] };

    #[test]
    fn lists_have_a_row_for_each() {
        let list = json!([{"id": "1", "name": "a\u{1b}[2J", "at": "2026-01-05T09:30:00.123Z"}]);
        let table = render(&list, None, &SHAPE);
        assert!(table.contains("a\\u{1b}[2J") && table.contains("2026-01-05T09:30:00Z"), "{table}");
        assert!(!table.contains("id"), "{table}");
        assert_eq!(render(&json!([]), None, &SHAPE), "none\n");
    }

    #[test]
    fn one_thing_has_a_row_for_each_field() {
        let table = render(&json!({"id": "1", "name": null}), None, &SHAPE);
        let lines: Vec<_> = table.lines().map(str::trim_end).collect();
        assert_eq!(lines.len(), 2, "{table}");
    }
}
