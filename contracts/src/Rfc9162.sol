// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.26;

/// @title Proofs of the Merkle tree of RFC 9162 (the tree of RFC 6962), over SHA-256
/// @notice Checks that a leaf is in a tree, and that one tree is a prefix of another, through the SHA-256 precompile.
/// @dev OpenZeppelin's MerkleProof sorts its hashes and uses keccak256: it cannot check these proofs.
library Rfc9162 {
    /// @notice The root of the empty tree: SHA-256 of nothing.
    bytes32 internal constant EMPTY_ROOT = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;

    /// @notice The hash of a leaf: SHA-256(0x00 || leaf) (RFC 9162, 2.1.1).
    /// @param leaf The bytes of the entry.
    /// @return The leaf hash.
    function leafHash(bytes memory leaf) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x00), leaf));
    }

    /// @notice The hash of an inner node: SHA-256(0x01 || left || right) (RFC 9162, 2.1.1).
    /// @param left The hash of the left subtree.
    /// @param right The hash of the right subtree.
    /// @return The hash of the node above both.
    function nodeHash(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }

    /// @notice Whether the tree of `size` leaves with `root` has the leaf hash `leaf` at `index` (RFC 9162, 2.1.3.2).
    /// @param leaf The leaf hash.
    /// @param index Its index, from 0.
    /// @param size The number of leaves.
    /// @param proof The path from the leaf's sibling up to the child of the root.
    /// @param root The root of the tree.
    /// @return True if, and only if, the path leads from the leaf to the root.
    function verifyInclusion(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata proof, bytes32 root)
        internal
        pure
        returns (bool)
    {
        if (index >= size) return false;
        uint64 fn = index;
        uint64 sn = size - 1;
        bytes32 current = leaf;
        for (uint256 i = 0; i < proof.length; ++i) {
            if (sn == 0) return false;
            if (fn & 1 == 1 || fn == sn) {
                current = nodeHash(proof[i], current);
                while (fn & 1 == 0 && fn != 0) {
                    fn >>= 1;
                    sn >>= 1;
                }
            } else {
                current = nodeHash(current, proof[i]);
            }
            fn >>= 1;
            sn >>= 1;
        }
        return sn == 0 && current == root;
    }

    /// @notice Whether the tree of `oldSize` leaves is a prefix of the tree of `newSize` leaves (RFC 9162, 2.1.4.2).
    /// @param oldSize The number of leaves of the old tree.
    /// @param newSize The number of leaves of the new tree.
    /// @param proof The consistency proof; empty when the sizes are equal or the old tree is empty.
    /// @param oldRoot The root of the old tree.
    /// @param newRoot The root of the new tree.
    /// @return True if, and only if, the proof connects both roots.
    function verifyConsistency(
        uint64 oldSize,
        uint64 newSize,
        bytes32[] calldata proof,
        bytes32 oldRoot,
        bytes32 newRoot
    ) internal pure returns (bool) {
        if (oldSize > newSize) return false;
        if (oldSize == newSize) return proof.length == 0 && oldRoot == newRoot;
        if (oldSize == 0) return proof.length == 0 && oldRoot == EMPTY_ROOT;
        if (proof.length == 0) return false;
        uint256 next = 0;
        // a perfect old tree is itself the first node of the way
        bytes32 fromOld = oldSize & (oldSize - 1) == 0 ? oldRoot : proof[next++];
        bytes32 fromNew = fromOld;
        uint64 fn = oldSize - 1;
        uint64 sn = newSize - 1;
        while (fn & 1 == 1) {
            fn >>= 1;
            sn >>= 1;
        }
        for (; next < proof.length; ++next) {
            if (sn == 0) return false;
            bytes32 sibling = proof[next];
            if (fn & 1 == 1 || fn == sn) {
                fromOld = nodeHash(sibling, fromOld);
                fromNew = nodeHash(sibling, fromNew);
                while (fn & 1 == 0 && fn != 0) {
                    fn >>= 1;
                    sn >>= 1;
                }
            } else {
                fromNew = nodeHash(fromNew, sibling);
            }
            fn >>= 1;
            sn >>= 1;
        }
        return sn == 0 && fromOld == oldRoot && fromNew == newRoot;
    }
}
