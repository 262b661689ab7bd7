// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.26;

/// @dev The cheat codes that these tests use.
interface Vm {
    function prank(address who) external;
    function warp(uint256 time) external;
    function expectRevert(bytes calldata data) external;
    function expectRevert(bytes4 selector) external;
    function expectRevert() external;
    function expectEmit(bool, bool, bool, bool) external;
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function assume(bool condition) external pure;
}

/// @dev Assertions, and the tree of RFC 9162 by its definition: slow, and plainly right.
abstract contract Support {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    error Failed(string what);

    function assertTrue(bool condition, string memory what) internal pure {
        if (!condition) revert Failed(what);
    }

    function assertEq(uint256 a, uint256 b, string memory what) internal pure {
        if (a != b) revert Failed(what);
    }

    function assertEq(bytes32 a, bytes32 b, string memory what) internal pure {
        if (a != b) revert Failed(what);
    }

    function leafAt(uint256 index) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x00), index));
    }

    function split(uint256 size) internal pure returns (uint256 k) {
        k = 1;
        while (2 * k < size) k *= 2;
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }

    /// @dev MTH over leaves [begin, end) (RFC 9162, 2.1.1).
    function rootOf(uint256 begin, uint256 end) internal pure returns (bytes32) {
        if (begin == end) return sha256("");
        if (end - begin == 1) return leafAt(begin);
        uint256 k = split(end - begin);
        return node(rootOf(begin, begin + k), rootOf(begin + k, end));
    }

    /// @dev PATH (RFC 9162, 2.1.3.1).
    function pathOf(uint256 index, uint256 begin, uint256 end) internal pure returns (bytes32[] memory) {
        if (end - begin == 1) return new bytes32[](0);
        uint256 k = split(end - begin);
        if (index < begin + k) return push(pathOf(index, begin, begin + k), rootOf(begin + k, end));
        return push(pathOf(index, begin + k, end), rootOf(begin, begin + k));
    }

    /// @dev PROOF (RFC 9162, 2.1.4.1).
    function consistencyOf(uint256 oldSize, uint256 newSize) internal pure returns (bytes32[] memory) {
        if (oldSize == 0 || oldSize == newSize) return new bytes32[](0);
        return subproof(oldSize, 0, newSize, true);
    }

    function subproof(uint256 m, uint256 begin, uint256 end, bool whole) internal pure returns (bytes32[] memory) {
        if (m == end - begin) return whole ? new bytes32[](0) : push(new bytes32[](0), rootOf(begin, end));
        uint256 k = split(end - begin);
        if (m <= k) return push(subproof(m, begin, begin + k, whole), rootOf(begin + k, end));
        return push(subproof(m - k, begin + k, end, false), rootOf(begin, begin + k));
    }

    function push(bytes32[] memory list, bytes32 value) internal pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) longer[i] = list[i];
        longer[list.length] = value;
    }

    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
