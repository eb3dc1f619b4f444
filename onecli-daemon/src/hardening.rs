//! What the process denies itself before it reads a key, and what it asks of the system.

use rustix::{
    fs::Mode,
    process::{Resource, Rlimit, getrlimit, setrlimit, umask},
};

/// Keys stay in memory, and files are the owner's alone: turns core files off, also for a limit that was raised; makes the process
/// one that can't be traced or dumped (Linux: its memory and environment under `/proc` are root's alone then); and has new files
/// made without any right for others.
pub(crate) fn keep_private() -> rustix::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    umask(Mode::RWXG | Mode::RWXO);
    Ok(())
}

/// Raises the number of open files to the most that is allowed, and gives it back. Each connection of an agent needs up to two.
pub(crate) fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum.unwrap_or(u64::MAX),
        Err(_) => limit.current.unwrap_or(u64::MAX),
    }
}
