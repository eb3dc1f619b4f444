//! Settings.

use crate::store::{SettingRow, Store};

fn setting(name: &str, value: &str) -> SettingRow {
    SettingRow { name: name.to_owned(), value: value.to_owned(), variable: None, changed: false }
}

pub async fn are_kept_as_given(store: &dyn Store) {
    assert!(store.list_settings().await.unwrap().is_empty());
    let allow = SettingRow { variable: Some(String::new()), ..setting("allowPrivate", "[\"10.0.0.0/8\"]") };
    let policy = SettingRow { changed: true, ..setting("defaultPolicy", "\"deny\"") };
    store.put_settings(&[policy.clone(), allow.clone()]).await.unwrap();
    assert_eq!(store.list_settings().await.unwrap(), [allow.clone(), policy]);

    let policy = SettingRow { variable: Some("deny".to_owned()), ..setting("defaultPolicy", "\"allow\"") };
    store.put_settings(std::slice::from_ref(&policy)).await.unwrap();
    assert_eq!(store.list_settings().await.unwrap(), [allow, policy]);
}

/// Whoever reads while pairs are being written sees both of a pair or none.
pub async fn all_are_set_or_none(store: &dyn Store) {
    let write = async {
        for round in 0..40 {
            let value = round.to_string();
            store.put_settings(&[setting("a", &value), setting("b", &value)]).await.unwrap();
        }
    };
    let read = async {
        for _ in 0..40 {
            let rows = store.list_settings().await.unwrap();
            let values: Vec<_> = rows.iter().map(|row| row.value.as_str()).collect();
            assert!(values.is_empty() || (values.len() == 2 && values[0] == values[1]), "{values:?}");
        }
    };
    tokio::join!(write, read);
}
