//! Keys stay in memory: the process leaves no core file, and no other process of the same user may look into it.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Turns core files off, also for a limit that was raised, and (on Linux) makes the process one that can't be traced or
/// dumped: its memory and environment under `/proc` are root's alone then.
pub(crate) fn forbid() -> rustix::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}
