use super::{Environment, Flags, GatewayAddresses, Settings};

fn faults<const N: usize>(variables: [(&str, &str); N]) -> String {
    Settings::read(&Flags::default(), &Environment::from(variables)).unwrap_err().to_string()
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
        ("DATABASE_URL", "postgres://u:hunter2@h/d"),
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
        ("ONECLI_GATEWAY_BASE_URL", "http://host"),
        ("ONECLI_LOG_FORMAT", "xml"),
    ]);
    assert_eq!(told.lines().count(), 14, "{told}");
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
