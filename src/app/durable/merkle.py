"""The Merkle tree of RFC 6962 (Certificate Transparency), section 2.1, grown leaf by leaf.

A leaf is SHA-256(0x00 || content), a node SHA-256(0x01 || left || right); the prefixes keep a leaf
from passing for a node. Only the roots of the full subtrees are kept: O(log n) memory.
"""

import hashlib


class MerkleTree:
    """An append-only tree; `root` is that of the leaves added so far."""

    def __init__(self) -> None:
        self.leaves = 0
        self._full: list[bytes] = []  # roots of full subtrees, the largest first

    def add(self, content: bytes) -> None:
        node, count = _hash(b"\0" + content), self.leaves
        while count & 1:
            node = _hash(b"\1" + self._full.pop() + node)
            count >>= 1
        self._full.append(node)
        self.leaves += 1

    def root(self) -> bytes:
        """32 bytes; of no leaves, the hash of nothing."""
        if not self._full:
            return _hash(b"")
        node = self._full[-1]
        for left in reversed(self._full[:-1]):
            node = _hash(b"\1" + left + node)
        return node


def _hash(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
