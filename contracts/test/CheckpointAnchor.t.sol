// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.26;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {CheckpointAnchor} from "../src/CheckpointAnchor.sol";
import {Support} from "./Support.sol";

contract CheckpointAnchorTest is Support {
    CheckpointAnchor private anchors;
    address private constant KEEPER = address(0xA11CE);
    address private constant OTHER = address(0xB0B);
    string private constant NAME = "log.example.test/grants";
    bytes32 private origin = keccak256(bytes(NAME));
    uint256[3] private keys;

    event Anchored(bytes32 indexed origin, uint64 indexed size, bytes32 root, uint64 previousSize, bool bySignatures);

    function setUp() public {
        anchors = new CheckpointAnchor(1 days, address(this));
        anchors.grantRole(anchors.REGISTRAR_ROLE(), address(this));
        anchors.grantRole(anchors.PAUSER_ROLE(), address(this));
        anchors.openLog(NAME, KEEPER);
        // keys in ascending order of their addresses
        keys = [uint256(1), 2, 3];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = 0; j < 2; ++j) {
                if (vm.addr(keys[j]) > vm.addr(keys[j + 1])) (keys[j], keys[j + 1]) = (keys[j + 1], keys[j]);
            }
        }
        for (uint256 i = 0; i < 3; ++i) anchors.grantRole(anchors.INSTITUTION_ROLE(), vm.addr(keys[i]));
        anchors.setQuorum(2);
    }

    function anchorTo(uint64 size) private {
        uint64 held = anchors.head(origin).size;
        bytes32[] memory proof = consistencyOf(held, size);
        bytes32 root = rootOf(0, size);
        vm.prank(KEEPER);
        anchors.anchor(origin, size, root, proof);
    }

    function testAnchorFirst() public {
        bytes32 root = rootOf(0, 5);
        vm.expectEmit(true, true, true, true);
        emit Anchored(origin, 5, root, 0, false);
        vm.prank(KEEPER);
        anchors.anchor(origin, 5, root, new bytes32[](0));
        assertEq(anchors.head(origin).root, root, "root");
    }

    function testAnchorNext() public {
        anchorTo(5);
        anchorTo(13);
        assertEq(anchors.head(origin).size, 13, "size");
        assertTrue(anchors.includes(origin, leafAt(7), 7, pathOf(7, 0, 13)), "included");
        assertTrue(!anchors.includes(origin, leafAt(8), 7, pathOf(7, 0, 13)), "not included");
    }

    function testNothingMovesBackOrAside() public {
        anchorTo(5);
        bytes32 root = rootOf(0, 5);
        vm.prank(KEEPER);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.NotLarger.selector, 5, 5));
        anchors.anchor(origin, 5, root, new bytes32[](0));
        vm.prank(KEEPER);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.NotLarger.selector, 5, 4));
        anchors.anchor(origin, 4, root, new bytes32[](0));
        bytes32[] memory proof = consistencyOf(5, 9);
        vm.prank(KEEPER);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.NotConsistent.selector, 5, 9));
        anchors.anchor(origin, 9, root, proof);
        bytes[] memory signatures = signedBy(2, 4, root);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.NotLarger.selector, 5, 4));
        anchors.anchorBySignatures(origin, 4, root, signatures);
    }

    // Arguments are computed before a revert is expected: hashing is a call to a precompile, and would count as the next one.
    function testOnlyTheKeeperAnchors() public {
        bytes32 leaf = leafAt(0);
        vm.prank(OTHER);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.NotTheKeeper.selector, origin, OTHER));
        anchors.anchor(origin, 1, leaf, new bytes32[](0));
        bytes32 unknown = keccak256("unknown");
        vm.prank(KEEPER);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.NotTheKeeper.selector, unknown, KEEPER));
        anchors.anchor(unknown, 1, leaf, new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.NotTheKeeper.selector, unknown, address(this)));
        anchors.anchorBySignatures(unknown, 1, leaf, new bytes[](2));
    }

    function testKeepersChangeInTwoSteps() public {
        vm.prank(OTHER);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.NotTheKeeper.selector, origin, OTHER));
        anchors.acceptKeeper(origin);
        vm.prank(OTHER);
        vm.expectRevert();
        anchors.offerKeeper(origin, OTHER);
        vm.prank(KEEPER);
        anchors.offerKeeper(origin, OTHER);
        anchorTo(1); // still the old one
        vm.prank(OTHER);
        anchors.acceptKeeper(origin);
        bytes32 root = rootOf(0, 2);
        vm.prank(KEEPER);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.NotTheKeeper.selector, origin, KEEPER));
        anchors.anchor(origin, 2, root, new bytes32[](0));
        vm.prank(OTHER);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.NotTheKeeper.selector, origin, OTHER));
        anchors.acceptKeeper(origin); // an offer holds once
    }

    function signedBy(uint256 count, uint64 size, bytes32 root) private view returns (bytes[] memory signatures) {
        CheckpointAnchor.Head memory held = anchors.head(origin);
        bytes32 digest = anchors.stepDigest(origin, held.size, held.root, size, root);
        signatures = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) signatures[i] = signature(keys[i], digest);
    }

    function testAnchorBySignatures() public {
        bytes32 root = rootOf(0, 3);
        bytes[] memory signatures = signedBy(2, 3, root);
        vm.expectEmit(true, true, true, true);
        emit Anchored(origin, 3, root, 0, true);
        vm.prank(OTHER);
        anchors.anchorBySignatures(origin, 3, root, signatures);
        // the same signatures are for a step that has been taken
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.NotLarger.selector, 3, 3));
        anchors.anchorBySignatures(origin, 3, root, signatures);
    }

    function testSignaturesOfAnotherStepAreWorthless() public {
        bytes32 root = rootOf(0, 9);
        bytes[] memory early = signedBy(2, 9, root);
        anchorTo(3);
        vm.expectRevert();
        anchors.anchorBySignatures(origin, 9, root, early);
    }

    function testTheQuorumIsCountedHonestly() public {
        bytes32 root = rootOf(0, 3);
        bytes[] memory one = signedBy(1, 3, root);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.QuorumNotMet.selector, 2, 1));
        anchors.anchorBySignatures(origin, 3, root, one);
        bytes[] memory twice = signedBy(2, 3, root);
        twice[1] = twice[0];
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.NotAnInstitution.selector, vm.addr(keys[0])));
        anchors.anchorBySignatures(origin, 3, root, twice);
        bytes[] memory turned = signedBy(2, 3, root);
        (turned[0], turned[1]) = (turned[1], turned[0]);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.NotAnInstitution.selector, vm.addr(keys[0])));
        anchors.anchorBySignatures(origin, 3, root, turned);
        anchors.revokeRole(anchors.INSTITUTION_ROLE(), vm.addr(keys[1]));
        bytes[] memory former = signedBy(2, 3, root);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.NotAnInstitution.selector, vm.addr(keys[1])));
        anchors.anchorBySignatures(origin, 3, root, former);
        anchors.setQuorum(0);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.QuorumNotMet.selector, 0, 2));
        anchors.anchorBySignatures(origin, 3, root, former);
    }

    function testTheQuorumStaysReachable() public {
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.QuorumTooLarge.selector, 4, 3));
        anchors.setQuorum(4);
        bytes32 role = anchors.INSTITUTION_ROLE();
        anchors.revokeRole(role, vm.addr(keys[0]));
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.QuorumTooLarge.selector, 2, 1));
        anchors.revokeRole(role, vm.addr(keys[1]));
        anchors.revokeRole(role, OTHER); // had none
        assertEq(anchors.institutions(), 2, "institutions");
    }

    function testPausingStopsAndHidesNothing() public {
        anchorTo(5);
        anchors.pause();
        bytes32[] memory proof = consistencyOf(5, 6);
        bytes32 root = rootOf(0, 6);
        bytes[] memory signatures = signedBy(2, 6, root);
        vm.prank(KEEPER);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        anchors.anchor(origin, 6, root, proof);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        anchors.anchorBySignatures(origin, 6, root, signatures);
        assertEq(anchors.head(origin).root, rootOf(0, 5), "readable");
        assertTrue(anchors.includes(origin, leafAt(0), 0, pathOf(0, 0, 5)), "provable");
        anchors.unpause();
        anchorTo(6);
    }

    function testRolesAreNeeded() public {
        vm.prank(OTHER);
        vm.expectRevert();
        anchors.openLog("another", OTHER);
        vm.prank(OTHER);
        vm.expectRevert();
        anchors.pause();
        vm.prank(OTHER);
        vm.expectRevert();
        anchors.unpause();
        vm.prank(OTHER);
        vm.expectRevert();
        anchors.setQuorum(1);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.LogIsOpen.selector, origin));
        anchors.openLog(NAME, OTHER);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.IsZero.selector));
        anchors.openLog("another", address(0));
        vm.prank(KEEPER);
        vm.expectRevert(abi.encodeWithSelector(CheckpointAnchor.IsZero.selector));
        anchors.anchor(origin, 1, bytes32(0), new bytes32[](0));
    }

    function testTheAdministratorChangesInTwoSteps() public {
        anchors.beginDefaultAdminTransfer(OTHER);
        vm.prank(OTHER);
        vm.expectRevert();
        anchors.acceptDefaultAdminTransfer();
        vm.warp(block.timestamp + 1 days + 1);
        vm.prank(OTHER);
        anchors.acceptDefaultAdminTransfer();
        assertTrue(anchors.defaultAdmin() == OTHER, "administrator");
    }

    function testFuzzAnyTwoSizes(uint8 first, uint8 second) public {
        first = first % 30 + 1;
        second = uint8(uint256(first) + second % 30 + 1);
        anchorTo(first);
        anchorTo(second);
        assertEq(anchors.head(origin).root, rootOf(0, second), "root");
    }
}

/// @dev Does all that may be done to the anchor, rightly and wrongly, and remembers the largest head it ever had.
contract Handler is Support {
    CheckpointAnchor public anchors;
    bytes32 public origin = keccak256("log");
    mapping(uint64 size => bytes32 root) public anchored;
    uint64 public largest;

    constructor() {
        anchors = new CheckpointAnchor(0, address(this));
        anchors.grantRole(anchors.REGISTRAR_ROLE(), address(this));
        anchors.grantRole(anchors.PAUSER_ROLE(), address(this));
        anchors.grantRole(anchors.INSTITUTION_ROLE(), vm.addr(1));
        anchors.setQuorum(1);
        anchors.openLog("log", address(this));
    }

    function honest(uint8 more) public {
        uint64 held = anchors.head(origin).size;
        uint64 size = held + more % 9 + 1;
        vm.assume(size < 60);
        anchors.anchor(origin, size, rootOf(0, size), consistencyOf(held, size));
        remember();
    }

    function signed(uint8 size, bytes32 root) public {
        CheckpointAnchor.Head memory held = anchors.head(origin);
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = signature(1, anchors.stepDigest(origin, held.size, held.root, size, root));
        anchors.anchorBySignatures(origin, size, root, signatures);
        remember();
    }

    function forged(uint64 size, bytes32 root, bytes32[] calldata proof) public {
        anchors.anchor(origin, size, root, proof);
        remember();
    }

    function pause() public {
        anchors.pause();
    }

    function unpause() public {
        anchors.unpause();
    }

    function reopen() public {
        anchors.openLog("log", address(this));
    }

    function setQuorum(uint8 quorum) public {
        anchors.setQuorum(quorum);
    }

    function remember() private {
        CheckpointAnchor.Head memory held = anchors.head(origin);
        assertTrue(anchored[held.size] == 0 || anchored[held.size] == held.root, "two roots for one size");
        anchored[held.size] = held.root;
        if (held.size > largest) largest = held.size;
    }
}

contract CheckpointAnchorInvariants is Support {
    Handler private handler;

    function setUp() public {
        handler = new Handler();
    }

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(handler);
    }

    function invariantTheHeadNeverGoesBack() public view {
        CheckpointAnchor.Head memory held = handler.anchors().head(handler.origin());
        assertEq(held.size, handler.largest(), "the head is the largest ever anchored");
        if (held.size > 0) assertEq(held.root, handler.anchored(held.size), "and has the root it had");
    }

    function invariantTheQuorumIsReachable() public view {
        assertTrue(handler.anchors().quorum() <= handler.anchors().institutions(), "quorum");
    }
}
