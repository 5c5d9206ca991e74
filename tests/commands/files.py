"""
The files: C{python -m tests.commands.files} writes them, and the wheel installs them below share/.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.commands.command import Command, Option, commands

ROOT = Path(__file__).resolve().parent.parent.parent


def files() -> Iterator[tuple[Path, str]]:
    """
    Each file's path below the repository, and what is in it.
    """
    for command in commands():
        name = command.name
        yield Path(f"share/man/man1/{name}.1"), man(command)
        yield Path(f"share/bash-completion/completions/{name}"), bash(command)
        yield Path(f"share/zsh/site-functions/_{name}"), zsh(command)
        yield Path(f"share/fish/vendor_completions.d/{name}.fish"), fish(command)


def man(command: Command) -> str:
    """
    A page for man(1), in roff's macros 'man'.
    """
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    summary = command.summary[:1].lower() + command.summary[1:]
    lines = [
        f'.TH {command.name.upper()} 1 "" "twisted\\-netdemo {version}" "User Commands"',
        ".SH NAME",
        f"{_roff(command.name)} \\- {_roff(summary)}",
        ".SH SYNOPSIS",
    ]
    for number, each in enumerate(command.subcommands or [command]):
        lines += [".br"] * (number > 0) + [_roff(each.synopsis)]
    lines += [".SH DESCRIPTION", _roff(command.description), ".SH OPTIONS"]
    lines += _manOptions(command.options)
    if command.subcommands:
        lines.append(".SH COMMANDS")
        for each in command.subcommands:
            lines += [f".SS {_roff(each.name)}", _roff(each.summary)]
            if each.description.rstrip(".") != each.summary.rstrip("."):
                lines += [".PP", _roff(each.description)]
            lines += _manOptions(each.options)
    return "\n".join([*lines, ""])


def _manOptions(options: list[Option]) -> Iterator[str]:
    for option in options:
        forms = [f"\\-{option.short}"] * bool(option.short) + [f"\\-\\-{_roff(option.name)}"]
        value = "=\\fIVALUE\\fR" if option.takes else ""
        yield ".TP"
        yield ", ".join(f"\\fB{form}\\fR" for form in forms) + value
        yield f"{_roff(option.text)}."


def _roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def bash(command: Command) -> str:
    """
    A function for bash-completion, which loads it by the command's name.
    """
    cases = [
        f"        {each.name}) options={_quoted(_words(each.options))} ;;"
        for each in command.subcommands
    ]
    names = " ".join(each.name for each in command.subcommands)
    return "\n".join(
        [
            f"# bash completion for {command.name}",
            f"_{command.name}() {{",
            "    local word=${COMP_WORDS[COMP_CWORD]} given= number options",
            "    for ((number = 1; number < COMP_CWORD; number++)); do",
            "        case ${COMP_WORDS[number]} in",
            "            --) return ;;  # what follows is another program's",
            "            -*) ;;",
            "            *) given=${given:-${COMP_WORDS[number]}} ;;",
            "        esac",
            "    done",
            "    case $given in",
            *cases,
            f"        *) options={_quoted(_words(command.options))} ;;",
            "    esac",
            "    if [[ $word == -* ]]; then",
            '        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")',
            *(
                [
                    "    elif [[ -z $given ]]; then",
                    f'        mapfile -t COMPREPLY < <(compgen -W {_quoted(names)} -- "$word")',
                ]
                if names
                else []
            ),
            "    fi",
            "}",
            f"complete -o default -F _{command.name} {command.name}",
            "",
        ]
    )


def _words(options: list[Option]) -> str:
    return " ".join(
        word
        for option in options
        for word in [f"-{option.short}"] * bool(option.short) + [f"--{option.name}"]
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def zsh(command: Command) -> str:
    """
    A function for zsh's completion system, which finds it in fpath by the command's name.
    """
    lines = [f"#compdef {command.name}", ""]
    if not command.subcommands:
        return "\n".join([*lines, *_arguments(command.options, "", "'*:file:_files'"), ""])
    lines += [
        "local -a state line",
        "_arguments -C '1:command:->command' '*::argument:->argument'",
        "case $state in",
        "    command)",
        "        local -a names=(",
        *(f"            {_quoted(f'{each.name}:{each.summary}')}" for each in command.subcommands),
        "        )",
        "        _describe command names",
        "        ;;",
        "    argument)",
        "        case $words[1] in",
    ]
    for each in command.subcommands:
        lines.append(f"            {each.name})")
        lines += _arguments(each.options, " " * 16, "'*::command:_normal'")
        lines.append("                ;;")
    return "\n".join([*lines, "        esac", "        ;;", "esac", ""])


def _arguments(options: list[Option], indent: str, rest: str) -> Iterator[str]:
    yield f"{indent}_arguments -s \\"
    for option in options:
        text = re.sub(r"([\[\]:\\])", r"\\\1", option.text)
        value = ":value:_files" if option.takes else ""
        equals = "=" if option.takes else ""
        if option.short:
            plus = "+" if option.takes else ""
            forms = f"'(-{option.short} --{option.name})'"
            forms += f"{{-{option.short}{plus},--{option.name}{equals}}}"
        else:
            forms = f"--{option.name}{equals}"
        yield f"{indent}    {forms}{_quoted(f'[{text}]{value}')} \\"
    yield f"{indent}    {rest}"


def fish(command: Command) -> str:
    """
    Lines for fish, which loads them by the command's name.
    """
    lines = [f"# fish completion for {command.name}"]
    for each in command.subcommands:
        lines.append(
            f"complete -c {command.name} -n __fish_use_subcommand -f -a {each.name} "
            f"-d {_fish(each.summary)}"
        )
    only = " -n __fish_use_subcommand" if command.subcommands else ""
    for where, options in [
        (only, command.options),
        *(
            (f" -n '__fish_seen_subcommand_from {each.name}'", each.options)
            for each in command.subcommands
        ),
    ]:
        for option in options:
            short = f" -s {option.short}" if option.short else ""
            takes = " -r" if option.takes else ""
            lines.append(
                f"complete -c {command.name}{where}{short} -l {option.name}{takes} "
                f"-d {_fish(option.text)}"
            )
    return "\n".join([*lines, ""])


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


if __name__ == "__main__":
    for path, text in files():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)
