//! What every backend must do, as tests that are stamped for each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test ends at the first thing that is not as it should be"
)]

pub mod agents;
pub mod events;
pub mod gateways;
pub mod keys;
pub mod paging;
pub mod policy;
mod rows;
pub mod rules;
pub mod secrets;
pub mod settings;

/// Stamps the suite: `$open` answers with a new, empty store and something to keep as long as the store is used.
#[macro_export]
macro_rules! store_conformance {
    ($open:expr) => {
        $crate::store_conformance! { @stamp $open;
            agents {
                are_kept_as_given identifiers_are_unique unknown_ones_are_not_found
                updates_change_what_they_should one_at_most_is_default tokens_are_replaced
                deletion_takes_children_and_rules parents_must_exist touching_never_goes_back
            }
            secrets {
                are_kept_as_given names_are_unique unknown_ones_are_not_found updates_replace
                updates_keep_the_time_of_use deletion_removes
            }
            rules { are_kept_as_given unknown_ones_are_not_found updates_replace agents_must_exist }
            settings { are_kept_as_given all_are_set_or_none }
            keys {
                blobs_are_put_once racing_blobs_agree sealed_data_is_noticed api_keys_are_found_by_hash
                api_keys_are_unique
            }
            policy {
                answers_a_ping every_write_has_a_greater_version failed_writes_change_nothing
                other_writes_are_no_change versions_are_announced_after_commit loads_are_of_one_moment
                changes_add_up
            }
            events {
                are_kept_as_given are_taken_once interrupted_ones_stay_as_they_are batches_are_taken_whole
                old_ones_are_deleted many_old_ones_are_deleted
            }
            gateways { are_there_until_they_are_gone }
            paging {
                each_filter_selects filters_must_all_hold agents_come_with_their_children text_is_taken_literally
                input_is_never_sql pages_cover_everything_once limits_are_bounded
                a_long_walk_is_made_in_pages
            }
        }
    };
    (@stamp $open:expr; $($group:ident { $($test:ident)* })*) => {
        $(
            mod $group {
                use super::*;

                $(
                    #[tokio::test]
                    async fn $test() {
                        let (store, _place) = $open.await;
                        $crate::store::conformance::$group::$test(&store).await;
                    }
                )*
            }
        )*
    };
}
