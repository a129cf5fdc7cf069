import pytest

from runs.pages.forms import SchemaForm

SCHEMA = {
    "type": "object",
    "properties": {
        "message": {"type": "string", "title": "Customer message", "format": "textarea", "minLength": 3},
        "amount": {"type": "number", "maximum": 150, "description": "Up to 150 €"},
        "copies": {"type": "integer", "default": 2},
        "urgent": {"type": "boolean"},
        "kind": {"enum": ["refund", "other", 3]},
        "day": {"type": "string", "format": "date"},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "extra": {"type": "object"},
    },
    "required": ["message"],
}


def sent(**data):
    return SchemaForm(SCHEMA, data={"message": "Hello", **data})


def named(form, name):
    return next(field for field in form.fields if field.name == name)


def test_each_kind_of_property_has_its_control():
    kinds = {field.name: field.kind for field in SchemaForm(SCHEMA).fields}
    assert kinds == {
        "message": "textarea", "amount": "number", "copies": "integer", "urgent": "checkbox", "kind": "select",
        "day": "text", "tags": "lines", "extra": "json",
    }  # fmt: skip
    assert named(SchemaForm(SCHEMA), "day").input_type == "date"


def test_a_field_says_its_title_its_help_and_whether_it_is_required():
    form = SchemaForm(SCHEMA)
    assert (named(form, "message").label, named(form, "message").required) == ("Customer message", True)
    assert (named(form, "amount").label, named(form, "amount").help) == ("Amount", "Up to 150 €")
    assert named(form, "amount").required is False


def test_it_begins_with_the_last_input_else_with_the_defaults():
    assert named(SchemaForm(SCHEMA), "copies").value == "2"
    form = SchemaForm(SCHEMA, initial={"copies": 5, "tags": ["a", "b"], "extra": {"k": 1}, "urgent": True})
    assert named(form, "copies").value == "5"
    assert named(form, "tags").value == "a\nb"
    assert named(form, "extra").value == '{\n  "k": 1\n}'
    assert named(form, "urgent").value == "on"


def test_texts_become_values_of_their_types():
    form = sent(
        amount="12.5",
        copies="3",
        urgent="on",
        kind="3",
        day="2026-11-24",
        tags="a\r\n\r\n b ",
        extra='{"k": [1]}',
    )
    assert form.valid, form.faulty
    assert form.value == {
        "message": "Hello", "amount": 12.5, "copies": 3, "urgent": True, "kind": 3, "day": "2026-11-24",
        "tags": ["a", "b"], "extra": {"k": [1]},
    }  # fmt: skip


def test_what_is_left_empty_is_left_out():
    assert sent().value == {"message": "Hello", "urgent": False}


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("message", "", "Fill this in."),
        ("message", "Hi", "Write at least 3 characters; these are 2."),
        ("amount", "200", "At most 150."),
        ("amount", "much", "Write a number, like 2.5."),
        ("copies", "2.5", "Write a whole number, like 3."),
        ("kind", "none", "Choose one of the values."),
        ("day", "24.11.2026", "Write a date like 2026-11-24."),
        ("tags", "a\nb\nc", "At most 2 of them."),
        ("extra", "{k: 1}", "This is not JSON: Expecting property name enclosed in double quotes at line 1, column 2."),
        ("extra", "[1]", "This must be an object."),
    ],
)  # fmt: skip
def test_a_fault_is_said_under_its_field(name, text, sentence):
    form = sent(**{name: text})
    assert not form.valid
    assert [(field.name, field.error) for field in form.faulty] == [(name, sentence)]


def test_what_was_typed_is_kept_when_it_is_wrong():
    assert named(sent(copies="many"), "copies").value == "many"


def test_a_prefix_keeps_names_apart():
    form = SchemaForm(SCHEMA, data={"message": "outer", "data-message": "inner"}, prefix="data-")
    assert form.value["message"] == "inner"


def test_a_refusal_of_the_verb_finds_its_field_or_stands_above():
    form = sent()
    form.blame("message", "Too rude.")
    assert named(form, "message").error == "Too rude."
    form.blame("nowhere", "No.")
    assert form.error == "No."


def test_a_schema_without_properties_draws_nothing_and_is_valid():
    assert SchemaForm({"type": "object"}, data={}).valid
    assert SchemaForm(None).fields == []


def test_labelled_choices_come_from_constants_with_titles():
    schema = {
        "properties": {
            "size": {"oneOf": [{"const": "s", "title": "Small"}, {"const": "l", "title": "Large"}]}
        }
    }
    assert SchemaForm(schema).fields[0].choices == [("s", "Small"), ("l", "Large")]


def test_an_absurd_number_is_refused_not_crashed_on():
    assert sent(amount="1e999").faulty[0].error == "Write a number, like 2.5."
    assert sent(copies="9" * 5000).faulty[0].error == "Write a whole number, like 3."
