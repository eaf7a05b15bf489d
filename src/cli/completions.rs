//! `apigw-logs completions`: completion scripts for shells.

use clap::{Command, ValueHint};
use clap_complete::Shell;

const NAME: &str = "apigw-logs";

/// Returns the completion script of a shell, with the errors of `clap_complete` corrected.
pub(super) fn script(shell: Shell, mut command: Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, NAME, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        // clap defines a name with a hyphen under one label and looks for it under another:
        // <https://github.com/clap-rs/clap/issues/6421>.
        Shell::Bash => script.replace("apigw__subcmd__logs", "apigw__logs"),
        Shell::Fish => script + &values_of_positionals(&command),
        _ => script,
    }
}

/// Values of positional arguments, which the script for fish lacks.
fn values_of_positionals(command: &Command) -> String {
    let mut lines = String::new();
    for subcommand in command.get_subcommands() {
        for argument in subcommand.get_positionals() {
            let values = argument.get_possible_values();
            let words: Vec<_> = values.iter().map(|value| value.get_name()).collect();
            if words.is_empty() || argument.get_value_hint() != ValueHint::Unknown {
                continue;
            }
            lines += &format!(
                "complete -c {NAME} -n \"__fish_apigw_logs_using_subcommand {}\" -f -a \"{}\"\n",
                subcommand.get_name(),
                words.join(" ")
            );
        }
    }
    lines
}
