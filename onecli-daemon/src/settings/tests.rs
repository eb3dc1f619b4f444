use super::{Environment, Flags, GatewayAddresses, Settings};

fn faults<const N: usize>(variables: [(&str, &str); N]) -> String {
    Settings::read(&Flags::default(), &Environment::from(variables)).unwrap_err().to_string()
}

/// `docs/settings.md` is made from the flags: `ONECLI_WRITE_DOCS=1 ./test the_table_of_settings`.
#[test]
fn the_table_of_settings_is_what_the_flags_say() {
    let command = <Flags as clap::Args>::augment_args(clap::Command::new("start"));
    let mut table = "# Settings\n\nEach is a variable, and a flag of `onecli start`, which goes before it. A setting that does not parse is an \
         error at start that names it. Made by `ONECLI_WRITE_DOCS=1 ./test the_table_of_settings`.\n\n\
         | variable | flag | meaning |\n|---|---|---|\n"
        .to_owned();
    let mut row = |variable: &str, flag: &str, meaning: &str| {
        table.push_str(&format!("| `{variable}` | {flag} | {meaning} |\n"));
    };
    for argument in command.get_arguments() {
        let flag = argument.get_long().unwrap();
        let variable = match flag {
            "app-url" => "APP_URL".to_owned(),
            flag => format!("ONECLI_{}", flag.to_uppercase().replace('-', "_")),
        };
        let meaning = argument.get_help().unwrap().to_string();
        let flags = Flags::default();
        assert!(flags.get(&variable).is_none(), "{variable} is known, and not set");
        row(&variable, &format!("`--{flag}`"), &meaning);
    }
    for (variable, meaning) in [
        (
            "SECRET_ENCRYPTION_KEY",
            "master key, 32 bytes as base64 or hex; several, comma-separated: the first seals, all open [default: a file in the data dir]",
        ),
        ("SECRET_ENCRYPTION_KEY_FILE", "a file that holds it"),
        (
            "DATABASE_URL",
            "`postgres://user:password@host/database?sslmode=…`, for any number of daemons [default: an embedded database in the data dir]",
        ),
        ("DATABASE_URL_FILE", "a file that holds it"),
        (
            "ONECLI_UPSTREAM_PROXY",
            "`http://` or `https://user:password@host:port`: a proxy that connections to services go through, asked by CONNECT",
        ),
        ("ONECLI_INSECURE_HTTP", "`1`: the dashboard may listen off loopback without https"),
        ("RUST_LOG", "what is logged [default: info]"),
        ("ONECLI_LOG_FORMAT", "`text` or `json` [default: text]"),
        (
            "ONECLI_URL, ONECLI_API_KEY",
            "where CLI and SDK find the daemon, and their key [default: the local socket]",
        ),
    ] {
        row(variable, "–", meaning);
    }
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/settings.md");
    if std::env::var_os("ONECLI_WRITE_DOCS").is_some() {
        std::fs::write(&file, &table).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == table,
        "docs/settings.md is out of date: ONECLI_WRITE_DOCS=1 ./test the_table_of_settings"
    );
}

#[test]
fn limits_fit_the_open_files() {
    let environment = Environment::from([
        ("HOME", "/home/ada"),
        ("ONECLI_MAX_BODY_BYTES", "1000"),
        ("ONECLI_STALL_SECONDS", "5"),
    ]);
    let settings = Settings::read(&Flags::default(), &environment).unwrap();
    let limits = settings.limits.within(1024);
    assert_eq!((limits.connections, limits.connections_per_agent), (576, 432));
    assert_eq!((limits.body_bytes, limits.stall.as_secs()), (Some(1000), 5));
    assert_eq!(settings.limits.within(u64::MAX).connections, 16_384);
    assert_eq!(settings.limits.within(0).connections, 1);
}

#[test]
fn nothing_needs_to_be_set() {
    let settings = Settings::read(&Flags::default(), &Environment::from([("HOME", "/home/ada")])).unwrap();
    assert_eq!(settings.storage.data_dir.to_str(), Some("/home/ada/.onecli"));
    assert_eq!(settings.gateway.addresses, GatewayAddresses::Auto);
    assert_eq!(settings.serving.address.to_string(), "127.0.0.1:10254");
}

#[test]
fn a_flag_goes_before_its_variable() {
    let flags = Flags { data_dir: Some("/flag".into()), ..Flags::default() };
    let environment = Environment::from([("ONECLI_DATA_DIR", "/variable"), ("ONECLI_DATADIR", "x")]);
    let settings = Settings::read(&flags, &environment).unwrap();
    assert_eq!(settings.storage.data_dir.to_str(), Some("/flag"));
    assert_eq!(settings.unknown, ["ONECLI_DATADIR"]);
}

#[test]
fn every_fault_is_told_at_once_with_an_example() {
    let told = faults([
        ("HOME", "/home/ada"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("SECRET_ENCRYPTION_KEY", "hunter2"),
        ("ONECLI_GATEWAY_ADDR", "unix:/tmp/x"),
        ("ONECLI_DASHBOARD_ADDR", "localhost"),
        ("APP_URL", "onecli.example.com"),
        ("ONECLI_DEFAULT_POLICY", "maybe"),
        ("ONECLI_ALLOW_PRIVATE", "*"),
        ("ONECLI_AUDIT_RETENTION_DAYS", "0"),
        ("ONECLI_RESOLVE", "a=b"),
        ("ONECLI_UPSTREAM_CA_FILE", "/nowhere"),
        ("ONECLI_AUDIT_FSYNC", "never"),
        ("ONECLI_DRAIN_SECONDS", "-1"),
        ("ONECLI_MAX_HEADERS", "many"),
        ("ONECLI_STALL_SECONDS", "0"),
        ("ONECLI_GATEWAY_BASE_URL", "http://host"),
        ("ONECLI_LOG_FORMAT", "xml"),
    ]);
    assert_eq!(told.lines().count(), 16, "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    assert!(
        told.contains("ONECLI_DEFAULT_POLICY: `maybe` is neither; write it such as allow or deny"),
        "{told}"
    );
}

#[test]
fn an_open_dashboard_needs_tls() {
    let open = ("ONECLI_DASHBOARD_ADDR", "0.0.0.0:10254");
    assert!(faults([("HOME", "/h"), open]).contains("ONECLI_INSECURE_HTTP=1"));
    for allowed in [("APP_URL", "https://onecli.example.com"), ("ONECLI_INSECURE_HTTP", "1")] {
        let environment = Environment::from([("HOME", "/h"), open, allowed]);
        assert!(Settings::read(&Flags::default(), &environment).is_ok());
    }
}

#[test]
fn keys_are_never_printed() {
    let key = "00".repeat(32);
    let environment = Environment::from([("HOME", "/h"), ("SECRET_ENCRYPTION_KEY", key.as_str())]);
    let settings = Settings::read(&Flags::default(), &environment).unwrap();
    assert!(settings.storage.master_keys.is_some());
    assert!(!format!("{settings:?}").contains(&key));
}
