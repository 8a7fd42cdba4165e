"""One switch for ``-o``: from its text to a function that prints objects."""

import json
from collections.abc import Callable, Mapping, Sequence

from kube_nb.kubectl.printers import custom_columns, go_template, jsonpath, objects
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Json, Obj

Printer = Callable[[Sequence[Obj], bool], str]

OUTPUT_FLAGS = (
    Flag("output", short="o", help="Output format. One of: (json, yaml, name, jsonpath, custom-columns, wide, ...)."),
    Flag("template", help="Template string or path to template file to use when -o=jsonpath."),
    Flag("allow-missing-template-keys", "bool", default=True, help="If true, ignore missing keys in templates."),
    Flag("show-managed-fields", "bool", help="If true, keep the managedFields when printing objects in JSON or YAML."),
)
_ALLOWED = (
    "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,"
    "template,templatefile,wide,yaml"
)


_FILE_FORMS = {
    "go-template-file": "go-template",
    "templatefile": "go-template",
    "jsonpath-file": "jsonpath",
    "custom-columns-file": "custom-columns",
}


def printer(
    output: str,
    *,
    template: str = "",
    managed_fields: bool = False,
    allow_missing_keys: bool = True,
    headers: bool = True,
    singulars: Callable[[Obj], str] = lambda obj: "",
    read: Callable[[str], Mapping[str, bytes]] = lambda path: {},
    allowed: str = _ALLOWED,
) -> Printer | None:
    """The printer of an output format, None for the server's tables (``""`` and ``wide``).

    A printer takes the objects and whether they are a listing (which prints as a List even with one item).
    """
    form, _, argument = output.partition("=")
    argument = argument or template
    if form in _FILE_FORMS:
        form, argument = _FILE_FORMS[form], _content(read, argument)
    shown = _as_they_are if managed_fields else _without_managed_fields
    try:
        if form in ("", "wide"):
            return None
        if form in ("json", "yaml"):
            write = objects.to_json if form == "json" else objects.to_yaml
            return lambda found, listing: write(_one_or_list(shown(found), listing))
        if form == "name":
            return lambda found, listing: "".join(objects.name_of(obj, singulars(obj)) + "\n" for obj in found)
        if form in ("jsonpath", "jsonpath-as-json"):
            return _jsonpath(form, argument, allow_missing_keys)
        if form in ("go-template", "template"):
            return _go_template(argument)
        if form == "custom-columns":
            is_file = output.startswith("custom-columns-file")
            columns = custom_columns.parse_template(argument) if is_file else custom_columns.parse(argument)
            return lambda found, listing: custom_columns.render(columns, found, headers=headers)
    except jsonpath.JsonPathError as error:
        text = str(error)
        about = "" if form == "custom-columns" else f"error parsing jsonpath {argument}, "
        raise KubectlError(f"error: {about}{text}") from None
    raise KubectlError(
        f'error: unable to match a printer suitable for the output format "{form}", allowed formats are: {allowed}'
    )


def _content(read: Callable[[str], Mapping[str, bytes]], path: str) -> str:
    """The template in a file; one of custom columns is a line of headers above a line of paths."""
    if not path:
        raise KubectlError("error: template format specified but no template given")
    files = read(path)
    if not files:
        raise KubectlError(f"error: error reading --template {path}, open {path}: no such file or directory")
    return next(iter(files.values())).decode()


def _go_template(argument: str) -> Printer:
    if not argument:
        raise KubectlError("error: template format specified but no template given")
    try:
        template = go_template.compile(argument)
    except go_template.TemplateError as error:
        raise KubectlError(f"error: error parsing template {argument}, template: output:1: {error}") from None

    def render(found: Sequence[Obj], listing: bool) -> str:
        try:
            return template(_one_or_list(found, listing))
        except (go_template.TemplateError, TypeError) as error:
            raise KubectlError(
                f"error: error executing template {json.dumps(argument)}: template: output: {error}"
            ) from None

    return render


def _jsonpath(form: str, argument: str, allow_missing_keys: bool) -> Printer:
    if not argument:
        raise KubectlError("error: template format specified but no template given")
    template = jsonpath.compile(argument, allow_missing_keys=allow_missing_keys)

    def render(found: Sequence[Obj], listing: bool) -> str:
        value = _one_or_list(found, listing)
        try:
            return template.render(value) if form == "jsonpath" else objects.to_json(template.find(value))
        except jsonpath.JsonPathError as error:
            raise KubectlError(_execution_error(argument, str(error), value)) from None

    return render


def _execution_error(template: str, fault: str, value: Obj) -> str:
    """What kubectl says of a template that fails: the fault, the template and all that it was given."""
    return (
        f'error: error executing jsonpath "{template}": Error executing template: {fault}. Printing more information '
        f"for debugging the template:\n\ttemplate was:\n\t\t{template}\n\tobject given to jsonpath engine was:\n"
        f"\t\t{_go_syntax(value)}\n\n\n"
    )


def _go_syntax(value: Json) -> str:
    """A value as Go's %#v writes it."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{json.dumps(key)}:{_go_syntax(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{pairs}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(_go_syntax(each) for each in value)}}}"
    return "interface {}(nil)" if value is None else json.dumps(value, ensure_ascii=False)


def _one_or_list(found: Sequence[Obj], listing: bool) -> Obj:
    return found[0] if len(found) == 1 and not listing else objects.as_list(found)


def _as_they_are(found: Sequence[Obj]) -> Sequence[Obj]:
    return found


def _without_managed_fields(found: Sequence[Obj]) -> Sequence[Obj]:
    return [_without(obj) for obj in found]


def _without(obj: Obj) -> Obj:
    if "managedFields" not in (obj.get("metadata") or {}):
        return obj
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "metadata": metadata}
