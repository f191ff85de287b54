# Completion of the wmlb command for bash. Where it gives nothing, files are completed.
_wmlb()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} options
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        compopt +o default
        mapfile -t COMPREPLY < <(compgen -W 'backup restore verify list cat generations forget stores help --help --version' -- "$word")
        return
    fi
    case $before in
    --store | --passphrase-file | --identity) return ;;
    --recipient | --level | --keep | --at)
        compopt +o default
        return
        ;;
    esac
    if [[ $word == -* ]]; then
        # The command itself knows them best.
        options=$("${COMP_WORDS[0]}" "${COMP_WORDS[1]}" --help 2>/dev/null | grep -oE '^  --[a-z-]+')
        mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$word")
    fi
}
complete -o default -F _wmlb wmlb
