# Made by packaging/completions.py from the help of wmlb: make completions.
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
            -s | --store | -k | --keep | -d | --device | -p | --passphrase-file | -r | --recipient | -i | --identity | -l | --level | --settle | -o | --only | -t | --at | -g | --generation | --sample)
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
        -s | --store)
            while IFS= read -r name; do
                [[ $name == "$word"* ]] && COMPREPLY+=("$(printf '%q' "$name")")
            done < <("${COMP_WORDS[0]}" stores --json 2>/dev/null |
                sed -n 's/^{"player": "\([^"\\]*\)".*/\1/p' | sort -u)
            return
            ;;
        -p | --passphrase-file | -i | --identity | -g | --generation) return ;;
        -k | --keep | -d | --device | -r | --recipient | -l | --level | --settle | -o | --only | -t | --at | --sample)
            compopt +o default
            return
            ;;
    esac
    case $command in
        backup) options='--store --all --replace --force --keep --empty --reread --partial --verify --device --passphrase-file --recipient --identity --level --json --quiet --verbose --help' ;;
        watch) options='--settle --force --keep --empty --reread --partial --verify --passphrase-file --recipient --identity --level --json --quiet --verbose --help' ;;
        restore) options='--store --force --individualize --dry-run --only --at --device --generation --passphrase-file --identity --allow-clear --json --quiet --verbose --help' ;;
        verify) options='--sample --at --device --generation --passphrase-file --identity --allow-clear --json --quiet --verbose --help' ;;
        list) options='--store --only --names --at --device --generation --passphrase-file --identity --json --verbose --help' ;;
        diff) options='--store --only --at --device --generation --passphrase-file --identity --json --verbose --help' ;;
        cat) options='--at --device --generation --passphrase-file --identity --verbose --help' ;;
        info) options='--at --device --generation --passphrase-file --identity --json --verbose --help' ;;
        generations) options='--device --passphrase-file --identity --json --verbose --help' ;;
        forget) options='--keep --dry-run --device --json --verbose --help' ;;
        devices) options='--json --verbose --help' ;;
        stores) options='--json --verbose --help' ;;
        help) options='--help' ;;
        '') options='--store --all --replace --force --keep --empty --reread --partial --verify --device --passphrase-file --recipient --identity --level --json --quiet --verbose --help --settle --individualize --dry-run --only --at --generation --allow-clear --sample --names --version' ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    elif [[ -z $command || $command == help ]]; then
        compopt +o default
        mapfile -t COMPREPLY < <(compgen -W 'backup watch restore verify list diff cat info generations forget devices stores help' -- "$word")
    fi
}
complete -o default -F _wmlb wmlb
