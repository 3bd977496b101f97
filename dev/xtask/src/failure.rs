//! Reporting what failed: which part, the end of its log, and what to do.

use std::process::ExitCode;

use console::style;
use stack::{LogTail, StackError};

/// The exit code of a program that was ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Prints a failure, and gives its exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let stack_error = error.chain().find_map(|cause| cause.downcast_ref::<StackError>());
    if matches!(stack_error, Some(StackError::Interrupted)) {
        eprintln!("Interrupted; everything is stopped.");
        return ExitCode::from(INTERRUPTED);
    }
    eprintln!("\n{} {error}", style("failed:").red().bold().for_stderr());
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
    if let Some(error) = stack_error {
        if let Some(log) = error.log() {
            print_log(log);
        }
        if let Some(advice) = error.advice() {
            eprintln!("\n{} {advice}", style("what to do:").bold().for_stderr());
        }
    }
    ExitCode::FAILURE
}

/// Prints the end of a log.
pub(crate) fn print_log(log: &LogTail) {
    if log.lines.is_empty() {
        eprintln!("\nIts log is empty: {}", log.path.display());
        return;
    }
    eprintln!("\nThe end of {}:", log.path.display());
    for line in &log.lines {
        eprintln!("  {}", style(line).dim().for_stderr());
    }
}
