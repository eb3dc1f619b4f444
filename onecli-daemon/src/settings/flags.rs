//! The settings as flags of `onecli start`.

use clap::Args;

/// Settings as flags; each goes before its variable, `ONECLI_DATA_DIR` for `--data-dir` and so on. Keys have no flag:
/// flags can be read in the list of processes.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// Where the database, the key file, the journal and the local socket are [default: ~/.onecli]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Listen addresses of the gateway, comma-separated, or `auto` [default: auto]
    #[arg(long, value_name = "ADDRESSES")]
    pub gateway_addr: Option<String>,
    /// Listen address of the API and the dashboard [default: 127.0.0.1:10254]
    #[arg(long, value_name = "ADDRESS")]
    pub dashboard_addr: Option<String>,
    /// Public address of the dashboard [default: http://localhost and the dashboard's port]
    #[arg(long, value_name = "URL")]
    pub app_url: Option<String>,
    /// Host and port of the gateway that containers are told to use [default: host.docker.internal and its port]
    #[arg(long, value_name = "HOST:PORT")]
    pub gateway_base_url: Option<String>,
    /// Address of the gateway that callers of the API are told [default: the host by which they reached the API]
    #[arg(long, value_name = "URL")]
    pub gateway_public_url: Option<String>,
    /// What happens to requests that no rule matches, at first start: allow or deny [default: allow]
    #[arg(long, value_name = "POLICY")]
    pub default_policy: Option<String>,
    /// Which TLS connections are looked into, at first start: all, or matched by a rule or secret [default: all]
    #[arg(long, value_name = "WHICH")]
    pub intercept: Option<String>,
    /// Hosts whose connections are never looked into, at first start, comma-separated
    #[arg(long, value_name = "HOSTS")]
    pub passthrough_hosts: Option<String>,
    /// Networks and hosts that may be private or loopback, at first start, comma-separated
    #[arg(long, value_name = "LIST")]
    pub allow_private: Option<String>,
    /// For how many days audit events are kept, at first start [default: 90]
    #[arg(long, value_name = "DAYS")]
    pub audit_retention_days: Option<String>,
    /// host:port=address:port, …: where to connect instead, like curl's --connect-to
    #[arg(long, value_name = "LIST")]
    pub resolve: Option<String>,
    /// Extra roots trusted for upstream TLS, as PEM
    #[arg(long, value_name = "FILE")]
    pub upstream_ca_file: Option<String>,
    /// Who looks names up behind ONECLI_UPSTREAM_PROXY: local, where they are checked, or remote, the proxy [default: local]
    #[arg(long, value_name = "WHERE")]
    pub upstream_proxy_dns: Option<String>,
    /// Networks and hosts that the upstream proxy is gone round for, comma-separated [default: 127.0.0.0/8,::1]
    #[arg(long, value_name = "LIST")]
    pub upstream_no_proxy: Option<String>,
    /// The certificate with which the gateway's port speaks TLS too, and those that it is signed by, as PEM
    #[arg(long, value_name = "FILE")]
    pub gateway_tls_cert: Option<String>,
    /// The key of that certificate, as PEM
    #[arg(long, value_name = "FILE")]
    pub gateway_tls_key: Option<String>,
    /// When audit records are durable against power loss: group or each [default: group]
    #[arg(long, value_name = "MODE")]
    pub audit_fsync: Option<String>,
    /// What becomes of requests while audit events can't be written: refuse, or continue without [default: refuse]
    #[arg(long, value_name = "WHAT")]
    pub journal_failure: Option<String>,
    /// How long to go on with the last policy while the database is away; 0: not at all [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub max_stale_seconds: Option<String>,
    /// Time for running exchanges at shutdown [default: 30]
    #[arg(long, value_name = "SECONDS")]
    pub drain_seconds: Option<String>,
    /// More Host names of the API, comma-separated
    #[arg(long, value_name = "HOSTS")]
    pub allowed_hosts: Option<String>,
    /// Largest header fields of a request, names and values together [default: 65536]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    pub max_header_bytes: Option<String>,
    /// Most header fields of a request [default: 100]
    #[arg(long, value_name = "NUMBER", help_heading = "Limits")]
    pub max_headers: Option<String>,
    /// Longest request target [default: 32768]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    pub max_uri_bytes: Option<String>,
    /// Largest body of a request [default: any]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    pub max_body_bytes: Option<String>,
    /// Most connections to the gateway at once [default: 16384, or what the open files allow]
    #[arg(long, value_name = "NUMBER", help_heading = "Limits")]
    pub max_connections: Option<String>,
    /// Most of them of one agent with its children [default: three in four]
    #[arg(long, value_name = "NUMBER", help_heading = "Limits")]
    pub max_connections_per_agent: Option<String>,
    /// Most requests at once on one HTTP/2 connection [default: 200]
    #[arg(long, value_name = "NUMBER", help_heading = "Limits")]
    pub max_streams: Option<String>,
    /// Most requests that an HTTP/2 connection may have reset before they were looked at [default: 100]
    #[arg(long, value_name = "NUMBER", help_heading = "Limits")]
    pub max_resets: Option<String>,
    /// How long a connection may be idle, and a request's head may take [default: 120]
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    pub head_seconds: Option<String>,
    /// How long an agent's TLS handshake may take [default: 10]
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    pub handshake_seconds: Option<String>,
    /// How long a connection to a service may take [default: 10]
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    pub connect_seconds: Option<String>,
    /// How long a service may take to begin its answer [default: 600]
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    pub first_byte_seconds: Option<String>,
    /// How long a body may stall, either way [default: 900]
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    pub stall_seconds: Option<String>,
}

impl Flags {
    /// The flag in the place of a variable, with its name.
    pub(super) fn get(&self, variable: &str) -> Option<(&'static str, &str)> {
        let (name, value) = match variable {
            "ONECLI_DATA_DIR" => ("--data-dir", &self.data_dir),
            "ONECLI_GATEWAY_ADDR" => ("--gateway-addr", &self.gateway_addr),
            "ONECLI_DASHBOARD_ADDR" => ("--dashboard-addr", &self.dashboard_addr),
            "APP_URL" => ("--app-url", &self.app_url),
            "ONECLI_GATEWAY_BASE_URL" => ("--gateway-base-url", &self.gateway_base_url),
            "ONECLI_GATEWAY_PUBLIC_URL" => ("--gateway-public-url", &self.gateway_public_url),
            "ONECLI_DEFAULT_POLICY" => ("--default-policy", &self.default_policy),
            "ONECLI_INTERCEPT" => ("--intercept", &self.intercept),
            "ONECLI_PASSTHROUGH_HOSTS" => ("--passthrough-hosts", &self.passthrough_hosts),
            "ONECLI_ALLOW_PRIVATE" => ("--allow-private", &self.allow_private),
            "ONECLI_AUDIT_RETENTION_DAYS" => ("--audit-retention-days", &self.audit_retention_days),
            "ONECLI_RESOLVE" => ("--resolve", &self.resolve),
            "ONECLI_UPSTREAM_CA_FILE" => ("--upstream-ca-file", &self.upstream_ca_file),
            "ONECLI_UPSTREAM_PROXY_DNS" => ("--upstream-proxy-dns", &self.upstream_proxy_dns),
            "ONECLI_UPSTREAM_NO_PROXY" => ("--upstream-no-proxy", &self.upstream_no_proxy),
            "ONECLI_GATEWAY_TLS_CERT" => ("--gateway-tls-cert", &self.gateway_tls_cert),
            "ONECLI_GATEWAY_TLS_KEY" => ("--gateway-tls-key", &self.gateway_tls_key),
            "ONECLI_AUDIT_FSYNC" => ("--audit-fsync", &self.audit_fsync),
            "ONECLI_JOURNAL_FAILURE" => ("--journal-failure", &self.journal_failure),
            "ONECLI_MAX_STALE_SECONDS" => ("--max-stale-seconds", &self.max_stale_seconds),
            "ONECLI_DRAIN_SECONDS" => ("--drain-seconds", &self.drain_seconds),
            "ONECLI_ALLOWED_HOSTS" => ("--allowed-hosts", &self.allowed_hosts),
            "ONECLI_MAX_HEADER_BYTES" => ("--max-header-bytes", &self.max_header_bytes),
            "ONECLI_MAX_HEADERS" => ("--max-headers", &self.max_headers),
            "ONECLI_MAX_URI_BYTES" => ("--max-uri-bytes", &self.max_uri_bytes),
            "ONECLI_MAX_BODY_BYTES" => ("--max-body-bytes", &self.max_body_bytes),
            "ONECLI_MAX_CONNECTIONS" => ("--max-connections", &self.max_connections),
            "ONECLI_MAX_CONNECTIONS_PER_AGENT" => {
                ("--max-connections-per-agent", &self.max_connections_per_agent)
            }
            "ONECLI_MAX_STREAMS" => ("--max-streams", &self.max_streams),
            "ONECLI_MAX_RESETS" => ("--max-resets", &self.max_resets),
            "ONECLI_HEAD_SECONDS" => ("--head-seconds", &self.head_seconds),
            "ONECLI_HANDSHAKE_SECONDS" => ("--handshake-seconds", &self.handshake_seconds),
            "ONECLI_CONNECT_SECONDS" => ("--connect-seconds", &self.connect_seconds),
            "ONECLI_FIRST_BYTE_SECONDS" => ("--first-byte-seconds", &self.first_byte_seconds),
            "ONECLI_STALL_SECONDS" => ("--stall-seconds", &self.stall_seconds),
            _ => return None,
        };
        Some((name, value.as_deref()?))
    }
}
