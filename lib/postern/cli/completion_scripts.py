"""How bash (from 3.2), zsh and fish are told what may follow where. What that is: cli/completion.py.

Each script walks over the words before the cursor and keeps three things: `at`, the commands so far; `place`, how many
arguments stand behind them; `taking`, an option that waits for its value. Files are never offered.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from postern.cli.completion import Point

_BASH = """\
# Completion of postern for bash. Made by: postern completion bash
_postern() {
    local word=${COMP_WORDS[COMP_CWORD]} at='' place=0 taking='' offers='' i w
    for ((i = 1; i < COMP_CWORD; i++)); do
        w=${COMP_WORDS[i]}
        # bash breaks words at "=", too.
        if [[ $w == = ]]; then continue; fi
        if [[ -n $taking ]]; then taking=''; continue; fi
        case "$at $w" in
            @TAKING@) taking=$w ;;
            @COMMANDS@) at="$at $w" ;;
            *) if [[ $w != -* ]]; then place=$((place + 1)); fi ;;
        esac
    done
    if [[ $word == = ]]; then word=''; fi
    if [[ -n $taking ]]; then
        case "$at $taking" in
@VALUES@
        esac
    elif [[ $word == -* ]]; then
        case "$at" in
@OPTIONS@
        esac
    else
        case "$at $place" in
@WORDS@
        esac
    fi
    COMPREPLY=($(compgen -W "$offers" -- "$word"))
}
complete -F _postern postern
"""

_ZSH = """\
#compdef postern
# Completion of postern for zsh. Made by: postern completion zsh
_postern() {
    local at='' place=0 taking='' i w
    local -a offers
    for ((i = 2; i < CURRENT; i++)); do
        w=${words[i]}
        if [[ -n $taking ]]; then taking=''; continue; fi
        case "$at $w" in
            @TAKING@) taking=$w ;;
            @COMMANDS@) at="$at $w" ;;
            *) if [[ $w != -* ]]; then place=$((place + 1)); fi ;;
        esac
    done
    if [[ -z $taking && ${words[CURRENT]} == --*=* ]]; then
        taking=${words[CURRENT]%%=*}
        compset -P '*='
    fi
    if [[ -n $taking ]]; then
        case "$at $taking" in
@VALUES@
        esac
    elif [[ ${words[CURRENT]} == -* ]]; then
        case "$at" in
@OPTIONS@
        esac
    else
        case "$at $place" in
@WORDS@
        esac
    fi
    (( $#offers )) && _describe 'postern' offers
}
if [[ ${funcstack[1]} == _postern ]]; then
    _postern "$@"
else
    compdef _postern postern
fi
"""

_FISH = """\
# Completion of postern for fish. Made by: postern completion fish
function __postern_at
    set -l at ''
    set -l place 0
    set -l taking no
    set -l before (commandline -opc)
    set -e before[1]
    for w in $before
        if test $taking = yes
            set taking no
        else if contains -- "$at $w" @TAKING@
            set taking yes
        else if contains -- "$at $w" @COMMANDS@
            set at "$at $w"
        else if not string match -q -- '-*' $w
            set place (math $place + 1)
        end
    end
    test "$at" = "$argv[1]"; or return 1
    not set -q argv[2]; or test $place = $argv[2]
end
complete -c postern -f
@LINES@
"""


def _quoted(text: str) -> str:
    """One word for bash and zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _at(point: Point) -> str:
    """The path as the scripts keep it: a space before each command."""
    return f" {point.path}" if point.path else ""


def _taking(points: Sequence[Point]) -> list[str]:
    return [f"{_at(point)} {option}" for point in points for option in point.values]


def _commands(points: Sequence[Point]) -> list[str]:
    return [_at(point) for point in points if point.path]


def _filled(script: str, points: Sequence[Point], offer: Callable[[Iterable[tuple[str, str]]], str]) -> str:
    """For shells with `case`; `offer` says how words are kept for it."""

    def cases(found: Iterable[tuple[str, Iterable[tuple[str, str]]]]) -> str:
        return "\n".join(f"            {_quoted(where)}) offers={offer(words)} ;;" for where, words in found)

    values = (
        (f"{_at(p)} {name}", _plain(words)) for p in points for name, words in p.values.items() if words
    )
    options = ((_at(p), p.options) for p in points)
    verbs = [(f"{_at(p)} 0", p.verbs) for p in points if p.verbs]
    places = [(f"{_at(p)} {number}", _plain(words)) for p in points for number, words in p.places.items()]
    return (
        script.replace("@TAKING@", " | ".join(map(_quoted, _taking(points))))
        .replace("@COMMANDS@", " | ".join(map(_quoted, _commands(points))))
        .replace("@VALUES@", cases(values))
        .replace("@OPTIONS@", cases(options))
        .replace("@WORDS@", cases([*verbs, *places]))
    )


def _plain(words: Iterable[str]) -> list[tuple[str, str]]:
    return [(word, "") for word in words]


def bash(points: Sequence[Point]) -> str:
    """A function that sets COMPREPLY."""
    return _filled(_BASH, points, lambda words: _quoted(" ".join(word for word, _ in words)))


def zsh(points: Sequence[Point]) -> str:
    """A function for _describe: each word with what it means behind a colon."""
    return _filled(
        _ZSH,
        points,
        lambda words: (
            "(" + " ".join(_quoted(f"{word}:{text}" if text else word) for word, text in words) + ")"
        ),
    )


def fish(points: Sequence[Point]) -> str:
    """A line for every word, with where it may stand."""
    lines = [line for point in points for line in _fish_lines(point)]
    return (
        _FISH.replace("@TAKING@", " ".join(map(_fish_quoted, _taking(points))))
        .replace("@COMMANDS@", " ".join(map(_fish_quoted, _commands(points))))
        .replace("@LINES@", "\n".join(lines))
    )


def _fish_lines(point: Point) -> Iterable[str]:
    at = f'__postern_at "{_at(point)}"'
    for word, text in point.verbs:
        yield f"complete -c postern -n {_fish_quoted(at + ' 0')} -a {word} -d {_fish_quoted(text)}"
    for number, words in point.places.items():
        yield f"complete -c postern -n {_fish_quoted(f'{at} {number}')} -a {_fish_quoted(' '.join(words))}"
    for option, text in point.options:
        value = ""
        if option in point.values:
            value = f" -x -a {_fish_quoted(' '.join(point.values[option]))}"
        name = option.lstrip("-")
        yield f"complete -c postern -n {_fish_quoted(at)} -l {name}{value} -d {_fish_quoted(text)}"


def _fish_quoted(text: str) -> str:
    """One word for fish, which knows two escapes inside of single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SCRIPTS = {"bash": bash, "zsh": zsh, "fish": fish}
