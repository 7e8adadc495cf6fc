# Completion of wmctl for fish. Once:  wmctl completion fish >~/.config/fish/completions/wmctl.fish

function __wmctl_answers
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (command $words[1] __complete fish $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path "$current"
            case :folders
                __fish_complete_directories "$current"
            case :programs
                __fish_complete_command
            case '*'
                printf '%s\n' $line
        end
    end
end

complete -c wmctl -f -k -a '(__wmctl_answers)'
