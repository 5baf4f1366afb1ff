"""Merkle trees: the vectors of certificate transparency, and that nothing but the leaf proves the leaf."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ehb.domain.merkle import included, inclusion_path, leaf_hash, root

# Leaves and heads of the reference implementation (certificate-transparency, merkle_tree_test).
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
HEADS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_heads_are_those_of_the_reference(size: int) -> None:
    assert root([leaf_hash(leaf) for leaf in LEAVES[:size]]).hex() == HEADS[size - 1]


def test_the_head_of_nothing_is_the_hash_of_nothing() -> None:
    assert root([]) == hashlib.sha256(b"").digest()


def test_a_path_of_the_reference() -> None:
    leaves = [leaf_hash(leaf) for leaf in LEAVES]

    assert [one.hex() for one in inclusion_path(leaves, 0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70), st.data())
def test_every_leaf_is_proven_and_nothing_else(given_leaves: list[bytes], data: st.DataObject) -> None:
    leaves = [leaf_hash(leaf) for leaf in given_leaves]
    index = data.draw(st.integers(0, len(leaves) - 1))
    path, head = inclusion_path(leaves, index), root(leaves)

    assert included(leaves[index], index, len(leaves), path, head)
    assert not included(leaf_hash(b"another leaf"), index, len(leaves), path, head)
    assert not included(leaves[index], index, len(leaves), path, leaf_hash(b"another head"))
    assert not included(leaves[index], len(leaves), len(leaves), path, head)
    assert not included(leaves[index], index, len(leaves), [*path, head], head)
    if path:
        assert not included(leaves[index], index, len(leaves), path[:-1], head)


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_path_to_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError):
        inclusion_path([b"a" * 32] * 3, index)
