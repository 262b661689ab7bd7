// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.26;

import {GrantRegistry} from "../src/GrantRegistry.sol";
import {Support} from "./Support.sol";

contract GrantRegistryTest is Support {
    GrantRegistry private registry;
    uint256 private constant KEY = 77;
    address private grantor = vm.addr(KEY);
    address private constant OTHER = address(0xB0B);
    bytes32 private constant ID = keccak256("id");
    bytes32 private constant TERMS = keccak256("terms");

    function setUp() public {
        vm.warp(1_790_000_000);
        registry = new GrantRegistry(1 days, address(this));
        registry.grantRole(registry.GRANTOR_ROLE(), grantor);
        registry.grantRole(registry.PAUSER_ROLE(), address(this));
    }

    function commitIt() private {
        vm.prank(grantor);
        registry.commit(ID, TERMS);
    }

    function separator() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("GrantRegistry"),
                keccak256("1"),
                block.chainid,
                address(registry)
            )
        );
    }

    function digestOf(bytes32 structHash) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", separator(), structHash));
    }

    function commitDigest(uint256 deadline) private view returns (bytes32) {
        return digestOf(keccak256(abi.encode(registry.COMMIT_TYPEHASH(), grantor, ID, TERMS, deadline)));
    }

    function testCommit() public {
        assertTrue(!registry.stands(ID), "not yet");
        commitIt();
        GrantRegistry.Grant memory held = registry.grantOf(ID);
        assertTrue(held.grantor == grantor && held.commitment == TERMS, "kept");
        assertEq(held.committedAt, 1_790_000_000, "when");
        assertTrue(registry.stands(ID), "stands");
        vm.prank(grantor);
        vm.expectRevert(abi.encodeWithSelector(GrantRegistry.IsCommitted.selector, ID));
        registry.commit(ID, keccak256("other terms"));
    }

    function testRevoke() public {
        vm.prank(grantor);
        vm.expectRevert(abi.encodeWithSelector(GrantRegistry.NotCommitted.selector, ID));
        registry.revoke(ID);
        commitIt();
        vm.prank(OTHER);
        vm.expectRevert(abi.encodeWithSelector(GrantRegistry.NotTheGrantor.selector, ID, OTHER));
        registry.revoke(ID);
        vm.prank(grantor);
        registry.revoke(ID);
        assertTrue(!registry.stands(ID), "revoked");
        assertEq(registry.grantOf(ID).revokedAt, 1_790_000_000, "when");
        vm.prank(grantor);
        vm.expectRevert(abi.encodeWithSelector(GrantRegistry.IsRevoked.selector, ID));
        registry.revoke(ID);
        vm.prank(grantor);
        vm.expectRevert(abi.encodeWithSelector(GrantRegistry.IsCommitted.selector, ID));
        registry.commit(ID, TERMS); // for ever
    }

    function testDeliveredBySomebodyElse() public {
        bytes memory signed = signature(KEY, commitDigest(block.timestamp));
        vm.prank(OTHER);
        registry.commitBySignature(grantor, ID, TERMS, block.timestamp, signed);
        assertTrue(registry.stands(ID), "stands");
        vm.expectRevert(abi.encodeWithSelector(GrantRegistry.IsCommitted.selector, ID));
        registry.commitBySignature(grantor, ID, TERMS, block.timestamp, signed);
        bytes memory revocation = signature(KEY, digestOf(keccak256(abi.encode(registry.REVOKE_TYPEHASH(), ID))));
        vm.prank(OTHER);
        registry.revokeBySignature(ID, revocation);
        assertTrue(!registry.stands(ID), "revoked");
    }

    function testSignaturesThatAreNone() public {
        bytes memory signed = signature(KEY, commitDigest(block.timestamp));
        vm.expectRevert();
        registry.commitBySignature(grantor, ID, keccak256("other terms"), block.timestamp, signed);
        vm.expectRevert();
        registry.commitBySignature(grantor, ID, TERMS, block.timestamp + 1, signed);
        uint256 deadline = block.timestamp;
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(GrantRegistry.DeadlinePassed.selector, deadline));
        registry.commitBySignature(grantor, ID, TERMS, deadline, signed);
        commitIt();
        bytes memory foreign = signature(5, digestOf(keccak256(abi.encode(registry.REVOKE_TYPEHASH(), ID))));
        vm.expectRevert(abi.encodeWithSelector(GrantRegistry.NotTheGrantor.selector, ID, vm.addr(5)));
        registry.revokeBySignature(ID, foreign);
    }

    function testRolesAndPausing() public {
        vm.prank(OTHER);
        vm.expectRevert();
        registry.commit(ID, TERMS);
        vm.prank(grantor);
        vm.expectRevert(abi.encodeWithSelector(GrantRegistry.IsZero.selector));
        registry.commit(ID, bytes32(0));
        commitIt();
        registry.pause();
        vm.prank(grantor);
        vm.expectRevert();
        registry.commit(keccak256("another"), TERMS);
        registry.revokeRole(registry.GRANTOR_ROLE(), grantor);
        vm.prank(grantor);
        registry.revoke(ID); // neither pausing nor losing the role keeps anybody from revoking
        assertTrue(!registry.stands(ID), "revoked");
        registry.unpause();
        vm.prank(OTHER);
        vm.expectRevert();
        registry.pause();
        vm.prank(OTHER);
        vm.expectRevert();
        registry.unpause();
    }

    function testFuzzOneIdOneGrant(bytes32 id, bytes32 terms, bytes32 others) public {
        vm.assume(terms != 0 && others != 0);
        vm.prank(grantor);
        registry.commit(id, terms);
        vm.prank(grantor);
        vm.expectRevert(abi.encodeWithSelector(GrantRegistry.IsCommitted.selector, id));
        registry.commit(id, others);
        assertEq(registry.grantOf(id).commitment, terms, "the first terms");
    }
}
