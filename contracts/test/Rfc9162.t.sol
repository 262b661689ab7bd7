// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.26;

import {Rfc9162} from "../src/Rfc9162.sol";
import {Support} from "./Support.sol";

/// @dev Makes the library's functions callable with calldata.
contract Verifier {
    function inclusion(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata proof, bytes32 root)
        external
        pure
        returns (bool)
    {
        return Rfc9162.verifyInclusion(leaf, index, size, proof, root);
    }

    function consistency(uint64 oldSize, uint64 newSize, bytes32[] calldata proof, bytes32 oldRoot, bytes32 newRoot)
        external
        pure
        returns (bool)
    {
        return Rfc9162.verifyConsistency(oldSize, newSize, proof, oldRoot, newRoot);
    }
}

contract Rfc9162Test is Support {
    Verifier private verifier = new Verifier();

    function testPublishedVectors() public view {
        // the leaves "", 00, 10 of the Certificate Transparency tests
        bytes32 a = Rfc9162.leafHash("");
        bytes32 b = Rfc9162.leafHash(hex"00");
        bytes32 c = Rfc9162.leafHash(hex"10");
        assertEq(a, 0x6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d, "leaf");
        bytes32 ab = Rfc9162.nodeHash(a, b);
        assertEq(ab, 0xfac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125, "two");
        bytes32 abc = Rfc9162.nodeHash(ab, c);
        assertEq(abc, 0xaeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77, "three");
        assertEq(sha256(""), Rfc9162.EMPTY_ROOT, "empty");
        bytes32[] memory path = push(push(new bytes32[](0), b), c);
        assertTrue(verifier.inclusion(a, 0, 3, path, abc), "inclusion of the first of three");
        assertTrue(verifier.consistency(2, 3, push(new bytes32[](0), c), ab, abc), "two to three");
        // leaf 0 of 8
        bytes32[] memory long = push(new bytes32[](0), 0x96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7);
        long = push(long, 0x5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e);
        long = push(long, 0x6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4);
        bytes32 eight = 0x5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328;
        assertTrue(verifier.inclusion(a, 0, 8, long, eight), "inclusion in eight");
        assertTrue(!verifier.inclusion(a, 1, 8, long, eight), "another index");
        assertTrue(!verifier.inclusion(a, 8, 8, long, eight), "outside");
        assertTrue(!verifier.inclusion(a, 0, 0, new bytes32[](0), a), "in nothing");
        // 6 to 8
        long = push(new bytes32[](0), 0x0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a);
        long = push(long, 0xca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0);
        long = push(long, 0xd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7);
        bytes32 six = 0x76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef;
        assertTrue(verifier.consistency(6, 8, long, six, eight), "six to eight");
        assertTrue(!verifier.consistency(8, 6, long, eight, six), "backwards");
    }

    function testEdges() public view {
        bytes32[] memory none = new bytes32[](0);
        assertTrue(verifier.consistency(0, 5, none, Rfc9162.EMPTY_ROOT, bytes32(uint256(1))), "from nothing");
        assertTrue(!verifier.consistency(0, 5, none, bytes32(0), bytes32(uint256(1))), "from a wrong nothing");
        assertTrue(!verifier.consistency(0, 5, push(none, 0), Rfc9162.EMPTY_ROOT, 0), "a proof from nothing");
        assertTrue(verifier.consistency(3, 3, none, rootOf(0, 3), rootOf(0, 3)), "the same");
        assertTrue(!verifier.consistency(3, 3, none, rootOf(0, 3), rootOf(0, 4)), "the same size, another root");
        assertTrue(!verifier.consistency(3, 5, none, rootOf(0, 3), rootOf(0, 5)), "without a proof");
    }

    function testFuzzInclusion(uint8 index, uint8 size, uint8 at, uint256 flip) public view {
        size = size % 40 + 1;
        index = index % size;
        bytes32[] memory path = pathOf(index, 0, size);
        bytes32 root = rootOf(0, size);
        assertTrue(verifier.inclusion(leafAt(index), index, size, path, root), "a true proof");
        assertTrue(!verifier.inclusion(leafAt(uint256(index) + 1000), index, size, path, root), "another leaf");
        assertTrue(!verifier.inclusion(leafAt(index), index, size, push(path, root), root), "a longer proof");
        if (path.length == 0 || flip == 0) return;
        path[at % path.length] ^= bytes32(flip);
        assertTrue(!verifier.inclusion(leafAt(index), index, size, path, root), "a changed proof");
    }

    function testFuzzConsistency(uint8 oldSize, uint8 newSize, uint8 at, uint256 flip) public view {
        newSize = newSize % 40 + 1;
        oldSize = oldSize % (newSize + 1);
        bytes32[] memory proof = consistencyOf(oldSize, newSize);
        bytes32 oldRoot = rootOf(0, oldSize);
        bytes32 newRoot = rootOf(0, newSize);
        assertTrue(verifier.consistency(oldSize, newSize, proof, oldRoot, newRoot), "a true proof");
        assertTrue(!verifier.consistency(oldSize, newSize, push(proof, newRoot), oldRoot, newRoot), "a longer proof");
        if (proof.length == 0 || flip == 0) return;
        assertTrue(!verifier.consistency(oldSize, newSize, proof, oldRoot, oldRoot ^ newRoot), "another new root");
        proof[at % proof.length] ^= bytes32(flip);
        assertTrue(!verifier.consistency(oldSize, newSize, proof, oldRoot, newRoot), "a changed proof");
    }
}
