"""The shell of busybox-like containers: what scripts print and how they end."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube_nb.cri.shell.parser import Incomplete, SyntaxFault, parse

from .conftest import Node


@pytest.mark.parametrize(
    ("script", "output", "code"),
    [
        pytest.param("echo hello; exit 3", "hello\n", 3, id="a list and an exit code"),
        pytest.param("expr 7 % 2 + '(' 2 '*' 3 ')'; expr 4 % 2", "7\n0\n", 1, id="expr counts, and 0 is false"),
        pytest.param(
            "expr abc : 'a\\(.*\\)'; expr 1 / 0", "bc\nexpr: division by zero\n", 2, id="expr matches, and refuses"
        ),
        pytest.param("true && echo yes || echo no", "yes\n", 0, id="and, or"),
        pytest.param("false && echo yes || echo no", "no\n", 0, id="or after a failure"),
        pytest.param("! false && echo ok", "ok\n", 0, id="negation"),
        pytest.param("A=1; B=$A$A; echo \"$B\" '$B' ${B}x", "11 $B 11x\n", 0, id="variables and quotes"),
        pytest.param("echo ${X:-d} ${X:=e} $X ${X:+set} ${#X}", "d e e set 1\n", 0, id="parameter defaults"),
        pytest.param(
            "F=a/b/c.txt; echo ${F##*/} ${F%/*} ${F%.txt} ${F#*/}", "c.txt a/b a/b/c b/c.txt\n", 0, id="trims"
        ),
        pytest.param("${X?is missing}", "sh: X: is missing\n", 2, id="a parameter that must be set"),
        pytest.param("echo $(echo a; echo b) `echo c`", "a b c\n", 0, id="command substitution"),
        pytest.param(
            "echo $((2 + 3 * 4)) $(( (1+1) ** 3 )) $((7 % 4)) $((1 ? 5 : 6))", "14 8 3 5\n", 0, id="arithmetic"
        ),
        pytest.param("echo $((1 / 0))", "sh: divide by zero\n", 2, id="division by zero"),
        pytest.param("for i in 1 2 3; do echo -n $i; done", "123", 0, id="for"),
        pytest.param("i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done", "1\n2\n3\n", 0, id="while"),
        pytest.param("i=0; until test $i = 2; do i=$((i+1)); done; echo $i", "2\n", 0, id="until"),
        pytest.param("while true; do echo a; break; done; echo b", "a\nb\n", 0, id="break"),
        pytest.param("for i in a b c; do [ $i = b ] && continue; echo $i; done", "a\nc\n", 0, id="continue"),
        pytest.param("if false; then echo 1; elif true; then echo 2; else echo 3; fi", "2\n", 0, id="elif"),
        pytest.param("case a.txt in *.md) echo md;; *.txt|*.log) echo txt;; esac", "txt\n", 0, id="case"),
        pytest.param("f() { echo $1-$#; return 5; }; f x y; echo $?", "x-2\n5\n", 0, id="a function"),
        pytest.param("(cd /tmp; X=1; exit 4); echo $? $PWD $X", "4 /\n", 0, id="a subshell changes nothing"),
        pytest.param("{ echo a; echo b; } | sort -r", "b\na\n", 0, id="a group in a pipe"),
        pytest.param("echo one > /tmp/f; echo two >> /tmp/f; cat < /tmp/f", "one\ntwo\n", 0, id="redirections"),
        pytest.param("ls /nosuch 2>/dev/null || echo none", "none\n", 0, id="stderr away"),
        pytest.param(
            "ls /nosuch > /tmp/out 2>&1; cat /tmp/out", "ls: /nosuch: No such file or directory\n", 0, id="2>&1"
        ),
        pytest.param("cat <<EOF | tr a-z A-Z\nx $((1+1))\nEOF\necho end", "X 2\nend\n", 0, id="a here-document"),
        pytest.param("cat <<'EOF'\n$HOME\nEOF", "$HOME\n", 0, id="a quoted here-document"),
        pytest.param("set -e; false; echo never", "", 1, id="set -e"),
        pytest.param("set -e; if false; then :; fi; false || true; echo on", "on\n", 0, id="set -e spares conditions"),
        pytest.param("set -u; echo $NOPE", "sh: NOPE: parameter not set\n", 2, id="set -u"),
        pytest.param("set -x; echo hi", "+ echo hi\nhi\n", 0, id="set -x"),
        pytest.param("nosuch", "sh: nosuch: not found\n", 127, id="a command that is not there"),
        pytest.param("echo a | grep b", "", 1, id="a pipe's status is its last command's"),
        pytest.param("seq 1 5 | head -n 2 | wc -l", "2\n", 0, id="a longer pipe"),
        pytest.param("yes | head -n 2", "y\ny\n", 0, id="an endless writer ends with its reader"),
        pytest.param("sleep 100 & echo $!; wait; date +%s", "2\n1767225700\n", 0, id="in the background"),
        pytest.param("trap 'echo bye' EXIT; echo hi", "hi\nbye\n", 0, id="a trap on exit"),
        pytest.param("echo 'a b' | while read x y; do echo $y-$x; done", "b-a\n", 0, id="read"),
        pytest.param("X='a  b'; echo $X; echo \"$X\"", "a b\na  b\n", 0, id="field splitting"),
        pytest.param("mkdir -p /d; touch /d/1.x /d/2.x; cd /d; echo *.x; echo *.y", "1.x 2.x\n*.y\n", 0, id="globs"),
        pytest.param("eval 'A=5'; echo $A", "5\n", 0, id="eval"),
        pytest.param("exec echo replaced; echo never", "replaced\n", 0, id="exec"),
        pytest.param("printf '%s=%05.1f\\n' a 1.25 b 2", "a=001.2\nb=002.0\n", 0, id="printf repeats its format"),
        pytest.param("test -d /tmp -a -n x && [ 3 -ge 2 ] && [ -z '' ] && echo ok", "ok\n", 0, id="test"),
        pytest.param("echo YWJj | base64 -d; echo abc | sed 's/b/X/'", "abcaXc\n", 0, id="tools"),
        pytest.param("env -i A=1 env", "A=1\n", 0, id="env"),
        pytest.param("if; then", 'sh: syntax error: unexpected ";"\n', 2, id="a syntax error"),
        pytest.param("echo 'open", "sh: syntax error: unterminated quoted string\n", 2, id="an open quote"),
        pytest.param(
            "f() { f; }; f", "sh: f: maximum function nesting level exceeded (50)\n", 2, id="endless recursion"
        ),
    ],
)
async def test_a_script_prints_and_ends_as_in_a_real_shell(
    node: Callable[[], Node], script: str, output: str, code: int
) -> None:
    assert await node().sh(script) == (output, code)


async def test_a_busy_loop_takes_time_instead_of_stopping_it(node: Callable[[], Node]) -> None:
    n = node()
    container = await n.run("busybox", "sh", "-c", "while true; do :; done")
    await asyncio.sleep(10)
    await n.runtime.stop_container(container, 0)
    assert n.runtime.container_status(container).exit_code == 137


async def test_a_script_file_of_a_volume_runs_if_it_may(node: Callable[[], Node]) -> None:
    output, code = await node().sh("echo 'echo from $0: $1' > /run.sh; /run.sh; chmod +x /run.sh; /run.sh x")
    assert output == "sh: /run.sh: Permission denied\nfrom /run.sh: x\n"
    assert code == 0


@pytest.mark.parametrize(
    "script", ["if true", "echo $(ls", 'echo "a', "while :; do", "cat <<EOF\nx", "echo ${A", "{ a", "(a"]
)
def test_an_unfinished_script_could_go_on(script: str) -> None:
    with pytest.raises(Incomplete):
        parse(script)


@pytest.mark.parametrize(
    "script", [";;", "fi", "a | | b", "do", "case x in a b) esac", "for 1 in a; do :; done", "a )"]
)
def test_a_wrong_script_could_not(script: str) -> None:
    with pytest.raises(SyntaxFault) as fault:
        parse(script)
    assert not isinstance(fault.value, Incomplete)


@given(st.text("ab$(){}'\"`;&|<>\n\\ =*#!x10[]", max_size=60))
@settings(max_examples=500, deadline=None)
def test_parsing_ends_with_a_script_or_a_syntax_fault(text: str) -> None:
    with contextlib.suppress(SyntaxFault):
        parse(text)


def test_deep_nesting_is_refused_not_chewed_on() -> None:
    with pytest.raises(SyntaxFault, match="nested too deeply"):
        parse("(" * 100_000)
    with pytest.raises(SyntaxFault, match="nested too deeply"):
        parse("echo " + "$(" * 100_000)
