"""A BERT encoder in numpy: what runs all-MiniLM-L6-v2 where sentence-transformers and its PyTorch are not wanted.

The arithmetic is that of Devlin et al. 2018 (post-norm encoder, GELU), the tokens are WordPiece, the sentence is the
mean of its tokens (Reimers and Gurevych 2019). The same vectors as sentence-transformers but for rounding: a test
holds it against some that sentence-transformers made. For a folder of a lower-casing BERT whose heads are 32 wide.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.embedders.base import Vectors

_CHUNK = 32  # texts at once, of like length: little padding
_LONGEST_WORD = 100  # characters; a longer one is unknown
_SPECIAL = re.compile(r"(\[(?:CLS|MASK|PAD|SEP|UNK)\])")  # written in a text they are those tokens


class WordPiece:
    """BERT's tokens: lower case, no accents, words and punctuation apart, words in the longest known pieces.

    Those of the tokenizers library, but for some 500 signs of rare scripts that are newer than its Unicode tables.
    """

    def __init__(self, vocabulary: Path, longest: int) -> None:
        """Args: vocabulary: a piece a line; longest: tokens of a text, the first and last included."""
        self._ids = {piece: number for number, piece in enumerate(vocabulary.read_text("utf-8").split("\n")) if piece}
        self._unknown, self._first, self._last = (self._ids[name] for name in ("[UNK]", "[CLS]", "[SEP]"))
        self._longest = longest

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, cut to the longest."""
        ids = [self._first]
        for word in _words(text):
            ids += self._pieces(word)
            if len(ids) >= self._longest:
                break
        return [*ids[: self._longest - 1], self._last]

    def _pieces(self, word: str) -> list[int]:
        if len(word) > _LONGEST_WORD:
            return [self._unknown]
        pieces: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = self._ids.get(("##" if start else "") + word[start:end])
                if piece is not None:
                    break
            else:
                return [self._unknown]
            pieces.append(piece)
            start = end
        return pieces


def _words(text: str) -> Iterator[str]:
    for part in _SPECIAL.split(text):
        if _SPECIAL.fullmatch(part):
            yield part
        else:
            yield from _plain_words(part)


def _plain_words(text: str) -> Iterator[str]:
    word: list[str] = []
    # Letter by letter: lower() makes the last capital sigma of a word another letter than those before it.
    for character in unicodedata.normalize("NFD", "".join(_clean(text))).replace("Σ", "σ").lower():
        category = unicodedata.category(character)
        if category == "Mn":
            continue
        alone = _is_punctuation(character, category) or _is_chinese(character)
        if alone or character == " ":
            if word:
                yield "".join(word)
                word.clear()
            if alone:
                yield character
        else:
            word.append(character)
    if word:
        yield "".join(word)


def _clean(text: str) -> Iterator[str]:
    for character in text:
        category = unicodedata.category(character)
        if character in "\t\n\r" or category[0] == "Z":
            yield " "
        elif (category[0] != "C" or category == "Cn") and character != "\ufffd":
            yield character


def _is_punctuation(character: str, category: str) -> bool:
    return category[0] == "P" or (character.isascii() and category[0] == "S")


def _is_chinese(character: str) -> bool:
    code = ord(character)
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0x20000 <= code <= 0x2B81F
        or 0x2B920 <= code <= 0x2CEAF  # the gap is the tokenizers library's
        or 0xF900 <= code <= 0xFAFF
        or 0x2F800 <= code <= 0x2FA1F
    )


class Encoder:
    """The model of a sentence-transformers folder: config.json, vocab.txt, model.safetensors. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        """Load it. The weights are mapped, not read: processes share them."""
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        sentences: dict[str, Any] = json.loads((folder / "sentence_bert_config.json").read_text("utf-8"))
        self._tokens = WordPiece(folder / "vocab.txt", int(sentences["max_seq_length"]))
        self._weights = _safetensors(folder / "model.safetensors")
        self._heads = int(config["num_attention_heads"])
        self._layers = int(config["num_hidden_layers"])
        self._epsilon = float(config["layer_norm_eps"])
        self.dimensions = int(config["hidden_size"])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts, not yet at unit length: (len(texts), dimensions)."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        tokens = [self._tokens.encode(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda place: len(tokens[place]))
        for start in range(0, len(order), _CHUNK):
            places = order[start : start + _CHUNK]
            vectors[places] = self._chunk([tokens[place] for place in places])
        return vectors

    def _chunk(self, tokens: Sequence[Sequence[int]]) -> Vectors:
        length = max(map(len, tokens))
        ids = np.zeros((len(tokens), length), dtype=np.int64)
        mask = np.zeros((len(tokens), length), dtype=np.float32)
        for row, text in enumerate(tokens):
            ids[row, : len(text)] = text
            mask[row, : len(text)] = 1
        w = self._weights
        hidden = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][:length]
        hidden = self._norm(hidden + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        blocked = (1 - mask)[:, None, None, :] * np.float32(-1e9)
        for number in range(self._layers):
            layer = f"encoder.layer.{number}."
            attended = self._linear(self._attend(hidden, blocked, layer), layer + "attention.output.dense")
            hidden = self._norm(hidden + attended, layer + "attention.output.LayerNorm")
            wide = _gelu(self._linear(hidden, layer + "intermediate.dense"))
            hidden = self._norm(hidden + self._linear(wide, layer + "output.dense"), layer + "output.LayerNorm")
        return (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)

    def _attend(self, hidden: Vectors, blocked: Vectors, layer: str) -> Vectors:
        rows, length, width = hidden.shape
        size = width // self._heads

        def project(name: str) -> Vectors:
            values = self._linear(hidden, f"{layer}attention.self.{name}")
            return values.reshape(rows, length, self._heads, size).transpose(0, 2, 1, 3)

        scores = project("query") @ project("key").transpose(0, 1, 3, 2) / np.float32(size**0.5) + blocked
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        return (scores @ project("value")).transpose(0, 2, 1, 3).reshape(rows, length, width)

    def _linear(self, values: Vectors, name: str) -> Vectors:
        return values @ self._weights[name + ".weight"].T + self._weights[name + ".bias"]

    def _norm(self, values: Vectors, name: str) -> Vectors:
        centred = values - values.mean(axis=-1, keepdims=True)
        variance = np.square(centred).mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt(variance + np.float32(self._epsilon))
        return scaled * self._weights[name + ".weight"] + self._weights[name + ".bias"]


def _gelu(values: Vectors) -> Vectors:
    """x * P(X <= x) with the error function by Abramowitz and Stegun 7.1.26: off by at most 1.5e-7."""
    scaled = np.abs(values) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * scaled)
    polynomial = np.float32(1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        polynomial = polynomial * t + np.float32(factor)
    error = 1 - polynomial * t * np.exp(-scaled * scaled)
    return values * np.float32(0.5) * (1 + np.copysign(error, values))


def _safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """The float32 tensors of a file: 8 bytes length, a JSON header, raw numbers (huggingface.co/docs/safetensors)."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header: dict[str, dict[str, Any]] = json.loads(file.read(size))
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + size)
    tensors: dict[str, NDArray[np.float32]] = {}
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            begin, end = entry["data_offsets"]
            tensors[name] = np.asarray(data[begin:end]).view(np.float32).reshape(entry["shape"])
    return tensors
