"""A model on disk: a folder of LightGBM text, JSON and a card, with a manifest of sizes and hashes.

Nothing in it is code and nothing is unpickled. Every file is checked against the manifest before it is parsed::

    models/live/
      manifest.json        schema version, files with size and SHA-256, digest over all of them
      model.json           numbers: features, calibration, classes, corrections
      run_time.0.txt …     LightGBM text models
      card.md              what it was trained on, how well it did, what it must not be used for
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from placement.adapters.stores.boosters import TextBooster
from placement.errors import CorruptModel, IncompatibleModel, InvalidInput, TamperedModel

__all__ = ["MODEL_SCHEMA_VERSION", "StoredModel", "read_model", "write_model"]

MODEL_SCHEMA_VERSION = 2
_MANIFEST, _MODEL, _CARD = "manifest.json", "model.json", "card.md"


@dataclass(frozen=True, slots=True)
class StoredModel:
    """What a model folder holds.

    Parameters
    ----------
    numbers
        Content of ``model.json``.
    boosters
        LightGBM ensembles by name.
    card
        The model card, Markdown.
    digest
        SHA-256 over all files: the model's name for audit trails.
    """

    numbers: dict[str, Any]
    boosters: dict[str, TextBooster]
    card: str
    digest: str


def write_model(folder: Path, numbers: Mapping[str, Any], boosters: Mapping[str, str], card: str) -> str:
    """Write a model folder whole or not at all, replacing one that is there; return its digest.

    Raises
    ------
    InvalidInput
        The folder exists and is not a model, so it is not replaced.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()) and not (folder / _MANIFEST).is_file():
        raise InvalidInput(f"{folder} exists and is no model folder (no {_MANIFEST}); not overwritten")
    contents = {_MODEL: _json(numbers), _CARD: card, **{f"{name}.txt": text for name, text in boosters.items()}}
    data = {name: text.encode() for name, text in contents.items()}
    files = {name: {"size": len(raw), "sha256": hashlib.sha256(raw).hexdigest()} for name, raw in sorted(data.items())}
    manifest = {"schema": MODEL_SCHEMA_VERSION, "digest": _digest(files), "files": files}
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, raw in {**data, _MANIFEST: _json(manifest).encode()}.items():
            (fresh / name).write_bytes(raw)
        fresh.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return str(manifest["digest"])


def read_model(folder: Path) -> StoredModel:
    """Read a model folder after checking version, sizes and hashes.

    Raises
    ------
    CorruptModel
        A file is missing, truncated or unreadable.
    TamperedModel
        A file differs from its recorded hash.
    IncompatibleModel
        The folder was written for another schema version.
    """
    folder = Path(folder)
    manifest = _manifest(folder)
    data = {name: _checked(folder, name, facts) for name, facts in manifest["files"].items()}
    if _MODEL not in data:
        raise CorruptModel(f"{folder}: the manifest names no {_MODEL}")
    numbers = _parsed(folder / _MODEL, data[_MODEL])
    boosters = {name[:-4]: TextBooster(raw.decode()) for name, raw in data.items() if name.endswith(".txt")}
    return StoredModel(numbers, boosters, data.get(_CARD, b"").decode(), str(manifest["digest"]))


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / _MANIFEST
    if not path.is_file():
        raise CorruptModel(f"{folder} is no model folder: it has no {_MANIFEST}")
    manifest = _parsed(path, path.read_bytes())
    version = manifest.get("schema")
    if version != MODEL_SCHEMA_VERSION:
        raise IncompatibleModel(
            f"{path}: model schema {version!r}, this release reads {MODEL_SCHEMA_VERSION}; retrain it"
        )
    files = manifest.get("files")
    if not isinstance(files, dict) or not all(isinstance(one, dict) and "sha256" in one for one in files.values()):
        raise CorruptModel(f"{path}: 'files' must map names to size and sha256")
    if manifest.get("digest") != _digest(files):
        raise TamperedModel(f"{path}: the digest does not match the files it lists")
    return manifest


def _checked(folder: Path, name: str, facts: Mapping[str, Any]) -> bytes:
    path = folder / name
    if Path(name).name != name or not path.is_file():
        raise CorruptModel(f"{folder}: {name!r}, named in the manifest, is not a file of the folder")
    raw = path.read_bytes()
    if len(raw) < int(facts.get("size", 0)):
        raise CorruptModel(f"{path} is truncated: {len(raw)} bytes, expected {facts['size']}")
    if hashlib.sha256(raw).hexdigest() != facts["sha256"]:
        raise TamperedModel(f"{path} does not match its recorded SHA-256 {facts['sha256'][:12]}…")
    return raw


def _parsed(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        content = json.loads(raw.decode())
    except ValueError as wrong:
        raise CorruptModel(f"{path} is not JSON: {wrong}") from wrong
    if not isinstance(content, dict):
        raise CorruptModel(f"{path} holds a {type(content).__name__}, expected an object")
    return content


def _digest(files: Mapping[str, Mapping[str, Any]]) -> str:
    return hashlib.sha256("".join(f"{name}:{files[name]['sha256']}\n" for name in sorted(files)).encode()).hexdigest()


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"
