"""The loader bundles, and says plainly why it cannot."""

from pathlib import Path

import pytest

from sojourn.openapi.loader import BundleError, load_bundle

ROOT = "openapi: 3.0.3\npaths:\n  /a:\n    $ref: paths/a.yaml\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "openapi.yaml", ROOT)
    write(tmp_path, "paths/a.yaml", "get:\n  schema:\n    $ref: ../components/schemas/s.yaml#/One\n")
    write(tmp_path, "components/schemas/s.yaml", "One:\n  $ref: s.yaml#/Two\nTwo:\n  type: string\nThree: {}\n")
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def test_path_items_are_inlined_and_components_keep_their_names(folder: Path) -> None:
    bundle = load_bundle(folder)

    assert bundle["paths"] == {"/a": {"get": {"schema": {"$ref": "#/components/schemas/One"}}}}
    assert bundle["components"]["schemas"] == {
        "One": {"$ref": "#/components/schemas/Two"},
        "Two": {"type": "string"},
    }


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        (
            "../components/schemas/none.yaml#/One",
            "paths/a.yaml:3: there is no file components/schemas/none.yaml",
        ),
        ("../components/schemas/s.yaml#/Four", "paths/a.yaml:3: components/schemas/s.yaml has no Four"),
        ("'#/components/schemas/One'", "paths/a.yaml:3: '#/components/schemas/One' is not of the form"),
        ("../components/schemas/s.yaml", "paths/a.yaml:3: '../components/schemas/s.yaml' is not of the form"),
        ("../components/schemas/s.yaml#/One/x", "is not of the form components/<kind>/<file>.yaml#/<Name>"),
        ("../../../x/components/schemas/s.yaml#/One", "is not of the form"),
    ],
)
def test_a_bad_reference_is_named_with_its_file_and_line(folder: Path, reference: str, complaint: str) -> None:
    write(folder, "paths/a.yaml", f"get:\n  schema:\n    $ref: {reference}\n")

    with pytest.raises(BundleError) as error:
        load_bundle(folder)

    assert complaint in str(error.value)


def test_a_missing_path_file_is_named_with_the_line_of_its_reference(folder: Path) -> None:
    (folder / "paths/a.yaml").unlink()

    with pytest.raises(BundleError, match=r"openapi\.yaml:4: there is no file paths/a\.yaml"):
        load_bundle(folder)


def test_members_beside_a_reference_are_refused(folder: Path) -> None:
    write(folder, "paths/a.yaml", "get:\n  $ref: ../components/schemas/s.yaml#/Two\n  description: lost\n")

    with pytest.raises(BundleError, match="members beside"):
        load_bundle(folder)


def test_two_components_of_one_name_are_refused(folder: Path) -> None:
    write(folder, "components/schemas/t.yaml", "One:\n  type: integer\n")
    write(
        folder,
        "paths/a.yaml",
        "get:\n  x:\n    $ref: ../components/schemas/s.yaml#/One\n  y:\n    $ref: ../components/schemas/t.yaml#/One\n",
    )

    with pytest.raises(BundleError, match=r"paths/a\.yaml:5: schemas/One exists in .*s\.yaml and in .*t\.yaml"):
        load_bundle(folder)


def test_a_path_item_written_into_the_root_is_refused(folder: Path) -> None:
    write(folder, "openapi.yaml", "openapi: 3.0.3\npaths:\n  /a:\n    get: {}\n")

    with pytest.raises(BundleError, match="must be a reference"):
        load_bundle(folder)


def test_broken_yaml_is_named_with_its_file_and_place(folder: Path) -> None:
    write(folder, "paths/a.yaml", "get: [\n")

    with pytest.raises(BundleError, match=r"paths/a\.yaml:2: "):
        load_bundle(folder)
