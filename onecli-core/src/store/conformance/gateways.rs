//! The daemons of the system.

use super::rows::at;
use crate::{
    model::GatewayId,
    store::{GatewayRow, Store},
};

fn gateway(name: &str, seen: i64) -> GatewayRow {
    GatewayRow {
        id: GatewayId::generate(),
        host_name: name.to_owned(),
        version: "1.2.3".to_owned(),
        addresses: vec!["127.0.0.1:10255".to_owned(), "172.17.0.1:10255".to_owned()],
        last_seen_at: at(seen),
    }
}

pub async fn are_there_until_they_are_gone(store: &dyn Store) {
    let (mut one, two) = (gateway("one", 1), gateway("two", 2));
    store.note_gateway(&one, at(0)).await.unwrap();
    store.note_gateway(&two, at(0)).await.unwrap();
    assert_eq!(store.list_gateways().await.unwrap(), [two.clone(), one.clone()]);
    one.version = "1.2.4".to_owned();
    one.last_seen_at = at(3);
    store.note_gateway(&one, at(2)).await.unwrap();
    assert_eq!(store.list_gateways().await.unwrap(), [one.clone(), two]);
    store.note_gateway(&one, at(3)).await.unwrap();
    assert_eq!(store.list_gateways().await.unwrap(), [one]);
}
