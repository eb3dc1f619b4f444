//! onecli-daemon
