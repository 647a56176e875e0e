"""Model folders: what is written is read back, and anything else is refused by name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from placement.adapters.stores.boosters import TextBooster
from placement.adapters.stores.models import MODEL_SCHEMA_VERSION, read_model, write_model
from placement.errors import CorruptModel, IncompatibleModel, InvalidInput, TamperedModel

RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(300, 3))
BOOSTER = lightgbm.train(
    {"objective": "regression", "num_leaves": 7, "verbose": -1, "num_threads": 1},
    lightgbm.Dataset(MATRIX, MATRIX[:, 0] + MATRIX[:, 1] ** 2),
    20,
)
TEXT = BOOSTER.model_to_string()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path / "live", {"a": [1.5, 2.0]}, {"run_time.0": TEXT}, "# Card\n")
    return tmp_path / "live"


def test_text_booster_predicts_and_explains_like_lightgbm() -> None:
    booster = TextBooster(TEXT)

    assert np.allclose(booster.predict(MATRIX), BOOSTER.predict(MATRIX))
    assert np.allclose(booster.contributions(MATRIX), BOOSTER.predict(MATRIX, pred_contrib=True))
    assert booster.predict(MATRIX[:0]).shape == (0,)


def test_text_booster_names_the_shape_it_expects() -> None:
    with pytest.raises(InvalidInput, match=r"\(300, 2\).*\(rows, 3\)"):
        TextBooster(TEXT).predict(MATRIX[:, :2])


@pytest.mark.parametrize("text", ["", "hello", TEXT[:200], "tree\nend of trees"])
def test_text_that_is_no_model_is_refused(text: str) -> None:
    with pytest.raises(CorruptModel):
        TextBooster(text)


def test_a_written_model_is_read_back_whole(folder: Path) -> None:
    stored = read_model(folder)

    assert stored.numbers == {"a": [1.5, 2.0]}
    assert stored.card == "# Card\n"
    assert np.allclose(stored.boosters["run_time.0"].predict(MATRIX), BOOSTER.predict(MATRIX))


def test_the_same_content_has_the_same_digest_and_other_content_another(folder: Path, tmp_path: Path) -> None:
    first = read_model(folder).digest

    assert write_model(tmp_path / "again", {"a": [1.5, 2.0]}, {"run_time.0": TEXT}, "# Card\n") == first
    assert write_model(folder, {"a": [1.5]}, {}, "") != first


def test_a_folder_that_is_no_model_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("years of work")

    with pytest.raises(InvalidInput, match="not overwritten"):
        write_model(tmp_path, {}, {}, "")
    assert (tmp_path / "thesis.doc").read_text() == "years of work"


@pytest.mark.parametrize("name", ["model.json", "run_time.0.txt", "card.md"])
def test_an_edited_file_is_found(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-2] + b"7\n")

    with pytest.raises(TamperedModel, match=name):
        read_model(folder)


@pytest.mark.parametrize("name", ["model.json", "run_time.0.txt"])
def test_a_truncated_file_is_found(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:10])

    with pytest.raises(CorruptModel, match="truncated"):
        read_model(folder)


def test_a_missing_file_is_found(folder: Path) -> None:
    (folder / "model.json").unlink()

    with pytest.raises(CorruptModel, match=r"model\.json"):
        read_model(folder)


def test_a_manifest_whose_hashes_were_rewritten_is_found(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["card.md"]["sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(TamperedModel, match="digest"):
        read_model(folder)


def test_another_schema_version_is_named(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text()) | {"schema": 99}
    (folder / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(IncompatibleModel, match="99"):
        read_model(folder)


@pytest.mark.parametrize("content", ["", "[]", '{"schema": %d}', '{"schema": %d, "files": {"model.json": 3}}'])
def test_a_manifest_of_another_form_is_refused(folder: Path, content: str) -> None:
    (folder / "manifest.json").write_text(content.replace("%d", str(MODEL_SCHEMA_VERSION)))

    with pytest.raises(CorruptModel):
        read_model(folder)


def test_a_manifest_cannot_reach_out_of_its_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("tree")
    files = {"../secret.txt": {"size": 4, "sha256": hashlib.sha256(b"tree").hexdigest()}}
    digest = hashlib.sha256("".join(f"{n}:{f['sha256']}\n" for n, f in files.items()).encode()).hexdigest()
    manifest = {"schema": MODEL_SCHEMA_VERSION, "digest": digest, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(CorruptModel, match="secret"):
        read_model(folder)


def test_a_folder_without_manifest_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(CorruptModel, match=r"manifest\.json"):
        read_model(tmp_path)
