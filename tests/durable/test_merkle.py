"""The Merkle tree against the definition of RFC 6962, section 2.1, written as it stands there."""

import hashlib

import pytest

from app.durable.merkle import MerkleTree


def hashed(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def definition(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashed(b"")
    if len(leaves) == 1:
        return hashed(b"\0" + leaves[0])
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashed(b"\1" + definition(leaves[:half]) + definition(leaves[half:]))


@pytest.mark.parametrize("count", range(20))
def test_the_root_is_that_of_the_definition(count: int) -> None:
    leaves = [f"leaf {number}".encode() for number in range(count)]
    tree = MerkleTree()
    for leaf in leaves:
        tree.add(leaf)
    assert tree.root() == definition(leaves)
    assert tree.leaves == count
