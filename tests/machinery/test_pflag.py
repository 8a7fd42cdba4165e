import pytest

from kube_nb.machinery.pflag import Flag, FlagError, FlagSet

FLAGS = FlagSet(
    [
        Flag("all-namespaces", "bool", short="A"),
        Flag("output", short="o"),
        Flag("selector", short="l"),
        Flag("dry-run", optional="unchanged", default="none"),
        Flag("replicas", "int"),
        Flag("filename", "strings", short="f"),
        Flag("from-literal", "array"),
    ]
)


@pytest.mark.parametrize(
    ("line", "expected", "args"),
    [
        pytest.param("pods -Aoyaml", {"all-namespaces": True, "output": "yaml"}, ["pods"], id="joined shorthands"),
        pytest.param("-o=wide x", {"output": "wide"}, ["x"], id="shorthand with equals sign"),
        pytest.param("--dry-run client", {"dry-run": "unchanged"}, ["client"], id="optional value binds only with ="),
        pytest.param("--dry-run=client", {"dry-run": "client"}, [], id="optional value given"),
        pytest.param("-f a,b --filename=c", {"filename": ["a", "b", "c"]}, [], id="string slices add up"),
        pytest.param(
            "--from-literal a=1,2 --from-literal b=3", {"from-literal": ["a=1,2", "b=3"]}, [], id="arrays keep commas"
        ),
        pytest.param("--replicas=-1", {"replicas": -1}, [], id="negative number"),
        pytest.param("--all-namespaces=false", {"all-namespaces": False}, [], id="bool with a value"),
        pytest.param("-", {}, ["-"], id="a lone dash is an argument"),
    ],
)
def test_flags_are_read_as_pflag_reads_them(line, expected, args):
    parsed = FLAGS.parse(line.split())
    assert ({name: parsed[name] for name in parsed.given}, parsed.args) == (expected, args)


def test_what_follows_a_double_dash_is_never_a_flag():
    parsed = FLAGS.parse(["web", "--", "ls", "-l", "--output"])
    assert (parsed.args, parsed.dash) == (["web", "ls", "-l", "--output"], 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--foo", "unknown flag: --foo"),
        ("-x", "unknown shorthand flag: 'x' in -x"),
        ("-Ax", "unknown shorthand flag: 'x' in -Ax"),
        ("--output", "flag needs an argument: --output"),
        ("-o", "flag needs an argument: 'o' in -o"),
        (
            "--replicas=x",
            'invalid argument "x" for "--replicas" flag: strconv.ParseInt: parsing "x": invalid syntax',
        ),
        (
            "-A=maybe",
            'invalid argument "maybe" for "-A, --all-namespaces" flag: strconv.ParseBool: parsing "maybe": '
            "invalid syntax",
        ),
        ("---", "bad flag syntax: ---"),
    ],
)
def test_refusals_are_worded_as_pflag_words_them(line, message):
    with pytest.raises(FlagError) as caught:
        FLAGS.parse(line.split())
    assert str(caught.value) == message
