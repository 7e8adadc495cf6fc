# Completion of wmctl for bash. In ~/.bashrc:  eval "$(wmctl completion bash)"

_wmctl() {
  local cur=${COMP_WORDS[COMP_CWORD]} answer
  local -a answers
  mapfile -t answers < <("$1" __complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  [ "$cur" = = ] && cur=
  COMPREPLY=()
  for answer in "${answers[@]}"; do
    case $answer in
      :files) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur") ;;
      :folders) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$cur") ;;
      :programs) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -c -- "$cur") ;;
      *)
        COMPREPLY+=("$answer")
        continue
        ;;
    esac
    # Outside of a completion (a test, say) there is nothing to be told.
    compopt -o filenames 2>/dev/null
  done
}
complete -o nosort -F _wmctl wmctl 2>/dev/null || complete -F _wmctl wmctl
