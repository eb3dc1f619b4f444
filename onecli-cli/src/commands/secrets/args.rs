//! What the command line says of a secret.

use clap::Args;
use onecli_sdk::types::{CreateSecret, InjectionConfig, Patch, SecretType, UpdateSecret};
use time::OffsetDateTime;

use super::value::ValueArgs;
use crate::{
    commands::{duration::parse_future, wire_name::wire_name},
    exit::UsageError,
};

/// The names of the types.
pub(in crate::commands) const TYPES: &[&str] = &["generic", "anthropic", "openai"];

/// A new secret.
#[derive(Args)]
pub(super) struct CreateArgs {
    /// Its name
    name: String,
    /// What it is; decides the defaults of where it goes and how
    #[arg(long = "type", default_value = "generic", value_parser = wire_name::<SecretType>(TYPES))]
    kind: SecretType,
    /// The hosts that it may go to, such as api.example.com or *.example.com; needed for generic
    #[arg(long, value_name = "PATTERN")]
    host: Option<String>,
    /// The paths that it may go to, such as /v1/* [default: all]
    #[arg(long, value_name = "PATTERN")]
    path: Option<String>,
    #[command(flatten)]
    injection: InjectionArgs,
    /// Let it travel without TLS too
    #[arg(long)]
    allow_plain_http: bool,
    /// When it stops being put in: 2030-01-05T09:30:00Z, or in how long, such as 30d [default: never]
    #[arg(long, value_name = "TIME", value_parser = parse_future)]
    expires: Option<OffsetDateTime>,
    #[command(flatten)]
    value: ValueArgs,
}

/// Changes of a secret.
#[derive(Args)]
pub(super) struct UpdateArgs {
    /// Its name or id
    pub(super) secret: String,
    /// Its new name
    #[arg(long)]
    name: Option<String>,
    /// What it is
    #[arg(long = "type", value_parser = wire_name::<SecretType>(TYPES))]
    kind: Option<SecretType>,
    /// The hosts that it may go to
    #[arg(long, value_name = "PATTERN")]
    host: Option<String>,
    /// The paths that it may go to
    #[arg(long, value_name = "PATTERN")]
    path: Option<String>,
    /// Let it go to all paths
    #[arg(long, conflicts_with = "path")]
    any_path: bool,
    #[command(flatten)]
    injection: InjectionArgs,
    /// Let it travel without TLS too
    #[arg(long)]
    allow_plain_http: bool,
    /// Let it travel over TLS only
    #[arg(long, conflicts_with = "allow_plain_http")]
    no_plain_http: bool,
    /// When it stops being put in: 2030-01-05T09:30:00Z, or in how long, such as 30d
    #[arg(long, value_name = "TIME", value_parser = parse_future)]
    expires: Option<OffsetDateTime>,
    /// Let it be put in for good
    #[arg(long, conflicts_with = "expires")]
    never_expires: bool,
    #[command(flatten)]
    value: ValueArgs,
}

/// How a secret is put in.
#[derive(Args)]
struct InjectionArgs {
    /// Put it into this header
    #[arg(long, value_name = "NAME")]
    header: Option<String>,
    /// The text of header or parameter, with {value} in the place of the value [default: {value}]
    #[arg(long, value_name = "TEXT")]
    format: Option<String>,
    /// Make it the password of this user (Authorization: Basic)
    #[arg(long, value_name = "USER", conflicts_with = "header")]
    basic: Option<String>,
    /// Put it into this parameter of the query
    #[arg(long, value_name = "NAME", conflicts_with_all = ["header", "basic"])]
    param: Option<String>,
    /// Put it into the path, such as /bot{value}/*; the agent sends any text in its place
    #[arg(long, value_name = "TEMPLATE", conflicts_with_all = ["header", "basic", "param", "format"])]
    path_template: Option<String>,
}

impl CreateArgs {
    /// The secret, with its value from where the command line says.
    pub(super) fn into_secret(self) -> anyhow::Result<CreateSecret> {
        let injection_config = self.injection.into_config();
        if self.kind == SecretType::Generic {
            if self.host.is_none() {
                return Err(missing("--host", "the hosts that it may go to, such as --host api.example.com"));
            }
            if injection_config.is_none() {
                return Err(missing(
                    "--header, --basic, --param or --path-template",
                    "how it is put in, such as --header authorization --format 'Bearer {value}'",
                ));
            }
        }
        Ok(CreateSecret {
            value: self.value.read(&self.name)?,
            name: self.name,
            kind: self.kind,
            host_pattern: self.host,
            path_pattern: self.path,
            injection_config,
            allow_plain_http: self.allow_plain_http.then_some(true),
            expires_at: self.expires,
        })
    }
}

impl UpdateArgs {
    /// The changes, with the new value if one is given or needed.
    pub(super) fn into_changes(self) -> anyhow::Result<UpdateSecret> {
        let injection_config = self.injection.into_config();
        let moves = self.kind.is_some()
            || self.host.is_some()
            || self.path.is_some()
            || self.any_path
            || injection_config.is_some()
            || self.allow_plain_http
            || self.no_plain_http;
        let changes_else = self.name.is_some() || self.expires.is_some() || self.never_expires;
        let value = match self.value.is_given() || moves || !changes_else {
            true => Some(self.value.read(&self.secret)?),
            false => None,
        };
        Ok(UpdateSecret {
            name: self.name,
            kind: self.kind,
            value,
            host_pattern: self.host,
            path_pattern: clear_or(self.any_path, self.path),
            injection_config: injection_config.into(),
            allow_plain_http: (self.allow_plain_http || self.no_plain_http).then_some(self.allow_plain_http),
            expires_at: clear_or(self.never_expires, self.expires),
        })
    }
}

impl InjectionArgs {
    fn into_config(self) -> Option<InjectionConfig> {
        let Self { header, format, basic, param, path_template } = self;
        let (value_format, param_format) = match param {
            Some(_) => (None, format),
            None => (format, None),
        };
        let config = InjectionConfig {
            header_name: header,
            value_format,
            basic_username: basic,
            param_name: param,
            param_format,
            path_template,
        };
        (config != InjectionConfig::default()).then_some(config)
    }
}

fn clear_or<T>(clear: bool, value: Option<T>) -> Patch<T> {
    match clear {
        true => Patch::Clear,
        false => value.into(),
    }
}

fn missing(flag: &str, what: &str) -> anyhow::Error {
    UsageError(format!("a generic secret needs {flag}: {what}")).into()
}
