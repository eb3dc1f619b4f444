//! Only some fields of an answer.

use serde_json::Value;

use crate::exit::UsageError;

/// Refuses fields that there are not.
pub(super) fn check<'a>(
    wanted: impl IntoIterator<Item = &'a String>, known: &[&str],
) -> Result<(), UsageError> {
    match wanted.into_iter().find(|field| !known.contains(&field.as_str())) {
        None => Ok(()),
        Some(field) => Err(UsageError(format!(
            "there is no field `{}`; there are {}",
            field.escape_debug(),
            known.join(", ")
        ))),
    }
}

/// Only these fields of a thing, or of each thing of a list.
pub(super) fn keep(answer: Value, fields: &[String]) -> Value {
    match answer {
        Value::Array(items) => Value::Array(items.into_iter().map(|item| keep(item, fields)).collect()),
        Value::Object(mut object) => {
            object.retain(|name, _| fields.contains(name));
            Value::Object(object)
        }
        other => other,
    }
}

/// One field of a thing, or of each thing of a list, one a line.
pub(super) fn lines(answer: &Value, field: &str) -> String {
    let items = match answer {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut text = String::new();
    for item in items {
        match item.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::String(value)) => text.push_str(value),
            Some(value) => text.push_str(&value.to_string()),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{check, keep, lines};

    #[test]
    fn one_field_one_a_line() {
        let list = json!([{"id": "a", "n": 1, "ok": true, "l": ["x"]}, {"id": null, "n": 2}]);
        assert_eq!(lines(&list, "id"), "a\n\n");
        assert_eq!(lines(&list, "n"), "1\n2\n");
        assert_eq!(lines(&list, "l"), "[\"x\"]\n\n");
        assert_eq!(lines(&json!({"id": "a"}), "id"), "a\n");
        assert_eq!(lines(&json!([]), "id"), "");
    }

    #[test]
    fn some_fields_of_each() {
        let list = json!([{"id": "a", "n": 1}, {"id": "b", "n": 2}]);
        assert_eq!(keep(list, &["id".to_owned()]), json!([{"id": "a"}, {"id": "b"}]));
    }

    #[test]
    fn unknown_fields_are_told() {
        let wanted = ["id".to_owned(), "nme".to_owned()];
        let error = check(&wanted, &["id", "name"]).unwrap_err().to_string();
        assert_eq!(error, "there is no field `nme`; there are id, name");
    }
}
