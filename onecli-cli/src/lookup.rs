//! Finding the thing that the command line names.

use onecli_sdk::{
    Client, Error,
    types::{Agent, Rule, Secret},
};
use uuid::Uuid;

/// The agent of that id, identifier or name.
pub(crate) async fn agent(client: &Client, wanted: &str) -> Result<Agent, Error> {
    let known: Vec<Agent> = client.agents().await?;
    let by_identifier = known.iter().any(|agent| agent.identifier == wanted);
    pick(
        "agent",
        wanted,
        known,
        |agent| agent.id,
        move |agent| match by_identifier {
            true => &agent.identifier,
            false => &agent.name,
        },
    )
}

/// The secret of that id or name.
pub(crate) async fn secret(client: &Client, wanted: &str) -> Result<Secret, Error> {
    pick("secret", wanted, client.secrets().await?, |secret| secret.id, |secret| &secret.name)
}

/// The rule of that id or name.
pub(crate) async fn rule(client: &Client, wanted: &str) -> Result<Rule, Error> {
    pick("rule", wanted, client.rules().await?, |rule| rule.id, |rule| &rule.name)
}

fn pick<T>(
    what: &str, wanted: &str, known: Vec<T>, id: impl Fn(&T) -> Uuid, name: impl Fn(&T) -> &str,
) -> Result<T, Error> {
    let wanted_id = Uuid::parse_str(wanted).ok();
    let (with_id, others): (Vec<T>, Vec<T>) =
        known.into_iter().partition(|thing| Some(id(thing)) == wanted_id);
    let mut found = match with_id.is_empty() {
        true => others.into_iter().filter(|thing| name(thing) == wanted).collect(),
        false => with_id,
    };
    let shown = wanted.escape_debug();
    match (found.pop(), found.is_empty()) {
        (Some(thing), true) => Ok(thing),
        (None, _) => Err(Error::NotFound(format!(
            "there is no {what} `{shown}`; `onecli {what}s list` shows those that there are"
        ))),
        (Some(last), false) => {
            let ids: Vec<_> = found.iter().chain([&last]).map(|thing| id(thing).to_string()).collect();
            Err(Error::Conflict(format!(
                "more than one {what} is called `{shown}`; name one by its id: {}",
                ids.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use onecli_sdk::Error;
    use uuid::Uuid;

    use super::pick;

    #[test]
    fn by_id_or_name_and_never_by_guess() {
        let id = Uuid::from_u128;
        let find = |wanted: &str| {
            let known = vec![(id(1), "a"), (id(2), "b"), (id(3), "b"), (id(4), "A")];
            pick("rule", wanted, known, |thing| thing.0, |thing| thing.1)
        };
        assert_eq!(find("a").unwrap().0, id(1));
        assert_eq!(find(&id(3).to_string()).unwrap().0, id(3));
        assert!(matches!(find("c"), Err(Error::NotFound(_))));
        let ambiguous = find("b").unwrap_err().to_string();
        assert!(
            ambiguous.contains(&id(2).to_string()) && ambiguous.contains(&id(3).to_string()),
            "{ambiguous}"
        );
    }
}
