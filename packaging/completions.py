#!/usr/bin/env python3
"""completions.py COMMAND FOLDER: writes the completions of the wmlb command for bash, zsh and fish
into a folder, from what the command's own help says, which its tables say."""

import collections
import os
import re
import subprocess
import sys

Option = collections.namedtuple("Option", "letter name value text repeats")
Command = collections.namedtuple("Command", "name text options")

NOTE = "Made by packaging/completions.py from the help of wmlb: make completions."


def read_help(program):
    def said(*arguments):
        return subprocess.run([program, "help", *arguments], check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    overview = re.findall(r"^  (\w+) +(.*)$", said(), re.MULTILINE)
    return [Command(name, text, list(read_options(said(name)))) for name, text in overview]


def read_options(text):
    joined = re.sub(r"\n {30}", " ", text)
    rows = re.findall(r"^  (?:-(\w), |    )--([\w-]+)(?: (\S+))? +(.*)$", joined, re.MULTILINE)
    for letter, name, value, words in rows:
        text = re.split(r"[;:(]", words)[0].strip()
        yield Option(letter, name, value, text, "repeatedly" in words)


def all_options(commands):
    """One of each name, and the version, which is of no command."""
    found = {option.name: option for command in commands for option in command.options}
    return [*found.values(), Option("V", "version", "", "the version", False)]


def spellings(option):
    return ["-" + option.letter] * bool(option.letter) + ["--" + option.name]


def words_of(options):
    return " ".join(word for option in options for word in spellings(option) if len(word) > 2)


def values_of(options, *values):
    return " | ".join(word for option in options if option.value in values
                      for word in spellings(option))


def bash(commands):
    options = all_options(commands)
    others = {option.value for option in options} - {"", "FILE", "STORE"}
    cases = "".join("        %s) options='%s' ;;\n" % (command.name, words_of(command.options))
                    for command in commands)
    return """# %(note)s
# Completion of the wmlb command for bash. Where it gives nothing, files are completed.
_wmlb()
{
    local at=1 command='' name options=''
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    # bash parts words at the equals sign.
    if [[ $word == = ]]; then
        word=''
    elif [[ $before == = && $COMP_CWORD -gt 1 ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
            %(all_values)s)
                [[ ${COMP_WORDS[at + 1]} == = ]] && ((at++))
                ((at++))
                ;;
            -*) ;;
            *)
                command=${COMP_WORDS[at]}
                break
                ;;
        esac
    done
    case $before in
        %(stores)s)
            while IFS= read -r name; do
                [[ $name == "$word"* ]] && COMPREPLY+=("$(printf '%%q' "$name")")
            done < <("${COMP_WORDS[0]}" stores --json 2>/dev/null |
                sed -n 's/^{"player": "\\([^"\\\\]*\\)".*/\\1/p' | sort -u)
            return
            ;;
        %(files)s) return ;;
        %(others)s)
            compopt +o default
            return
            ;;
    esac
    case $command in
%(cases)s        '') options='%(all)s' ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    elif [[ -z $command || $command == help ]]; then
        compopt +o default
        mapfile -t COMPREPLY < <(compgen -W '%(commands)s' -- "$word")
    fi
}
complete -o default -F _wmlb wmlb
""" % {
        "note": NOTE, "cases": cases, "all": words_of(options),
        "all_values": values_of(options, "FILE", "STORE", *others),
        "stores": values_of(options, "STORE"), "files": values_of(options, "FILE"),
        "others": values_of(options, *others),
        "commands": " ".join(command.name for command in commands),
    }


def zsh_row(option):
    text = re.sub(r"([\[\]:])", r"\\\1", option.text).replace("'", "'\\''")
    action = {"": "", "FILE": ":file:_files", "STORE": ":store:_wmlb_stores"}.get(
        option.value, ":%s: " % option.value.lower().strip("."))
    again = "*" if option.repeats else ""
    long = "--" + option.name + ("=" if option.value else "")
    if not option.letter:
        return "'%s%s[%s]%s'" % (again, long, text, action)
    short = "-" + option.letter + ("+" if option.value else "")
    head = "'*'" if again else "'(-%s --%s)'" % (option.letter, option.name)
    return "%s{%s,%s}'[%s]%s'" % (head, short, long, text, action)


def zsh(commands):
    def rows(options, indentation):
        return "".join(" \\\n%s%s" % (" " * indentation, zsh_row(option)) for option in options)

    described = "\n".join("        '%s:%s'" % (command.name, command.text.replace("'", "'\\''"))
                          for command in commands)
    operands = {"stores": "", "help": " \\\n                '1:command:_wmlb_commands'",
                "backup": " \\\n                '1:folder:_files -/'",
                "watch": " \\\n                '1:store:_wmlb_stores' '2:folder:_files -/'",
                "cat": " \\\n                '1:backup:_files' '2:name: '"}
    cases = "".join(
        "        %s)\n            _arguments -s -S%s%s\n            ;;\n" % (
            command.name, rows(command.options, 16),
            operands.get(command.name, " \\\n                '1:backup:_files'"))
        for command in commands)
    return """#compdef wmlb
# %s
_wmlb_commands()
{
    local -a commands=(
%s
    )
    _describe command commands
}

_wmlb_stores()
{
    local -a players=(${(fu)"$(_call_program stores $service stores --json 2>/dev/null |
        sed -n 's/^{"player": "\\([^"\\\\]*\\)".*/\\1/p')"})
    _alternative 'players:player:compadd -a players' 'files:file:_files'
}

_wmlb()
{
    local curcontext=$curcontext state line
    local -A opt_args
    _arguments -C -s -S%s \\
        '1: :_wmlb_commands' '*:: :->rest' && return
    [[ $state == rest ]] || return
    case $words[1] in
%s    esac
}

_wmlb "$@"
""" % (NOTE, described, rows(all_options(commands), 8), cases)


def fish(commands):
    def quoted(text):
        return "'%s'" % text.replace("\\", "\\\\").replace("'", "\\'")

    lines = ["# " + NOTE, "complete -c wmlb -f"]
    names = " ".join(command.name for command in commands)
    none = "not __fish_seen_subcommand_from " + names
    for command in commands:
        for condition in [none] + ["__fish_seen_subcommand_from help"]:
            lines.append("complete -c wmlb -n %s -a %s -d %s" % (
                quoted(condition), command.name, quoted(command.text)))
    files = [command.name for command in commands if command.name not in ("help", "stores")]
    lines.append("complete -c wmlb -n '__fish_seen_subcommand_from %s' -F" % " ".join(files))
    groups = [(none, all_options(commands))]
    groups += [("__fish_seen_subcommand_from " + command.name, command.options)
               for command in commands]
    for condition, options in groups:
        for option in options:
            value = {"": "", "FILE": " -r -F", "STORE": " -r -F -a '(__wmlb_stores)'"}.get(
                option.value, " -x")
            letter = " -s " + option.letter if option.letter else ""
            lines.append("complete -c wmlb -n %s%s -l %s%s -d %s" % (
                quoted(condition), letter, option.name, value, quoted(option.text)))
    stores = """function __wmlb_stores
    wmlb stores --json 2>/dev/null | string replace -rf '^\\{"player": "([^"\\\\\\\\]*)".*' '$1' | sort -u
end"""
    return "\n".join([lines[0], stores, *lines[1:]]) + "\n"


def main():
    program, folder = sys.argv[1:]
    commands = read_help(program)
    for name, make in (("wmlb.bash", bash), ("_wmlb", zsh), ("wmlb.fish", fish)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(make(commands))


if __name__ == "__main__":
    main()
