// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.26;

import {AccessControlDefaultAdminRules} from
    "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Rfc9162} from "./Rfc9162.sol";

/// @title The heads of append-only logs, where nobody can take them back
/// @notice Keeps the newest anchored size and root of each log. A head moves forward only: by its keeper with a proof
/// that the old tree is a prefix of the new one, or by a quorum of institutions that signed the step. Every step is an
/// event, so all anchored heads can be found again.
/// @dev Holds sizes and roots only. Pausing stops new anchors; it changes and hides nothing. No function lowers a size,
/// replaces a root, or removes a log; the code is not upgradeable.
contract CheckpointAnchor is AccessControlDefaultAdminRules, Pausable, EIP712 {
    /// @notice The newest anchored head of a log. `at` is the time of the block, in seconds.
    struct Head {
        uint64 size;
        uint64 at;
        bytes32 root;
    }

    /// @notice May open logs.
    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");
    /// @notice May pause and unpause anchoring.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    /// @notice An institution whose signature counts towards the quorum.
    bytes32 public constant INSTITUTION_ROLE = keccak256("INSTITUTION_ROLE");
    /// @notice The EIP-712 type that institutions sign. It names the head it follows, so it can be used once only.
    bytes32 public constant STEP_TYPEHASH = keccak256(
        "Step(bytes32 origin,uint64 previousSize,bytes32 previousRoot,uint64 size,bytes32 root)"
    );

    /// @notice How many institutions are registered.
    uint256 public institutions;
    /// @notice How many of them must sign a step; 0 means that steps by signatures are not accepted.
    uint256 public quorum;
    /// @dev keccak256 of the origin's text => newest head.
    mapping(bytes32 origin => Head) private _heads;
    /// @notice Who may anchor a log with a consistency proof; zero if the log is not open.
    mapping(bytes32 origin => address) public keeperOf;
    /// @notice Who has been offered a log and has not accepted it yet.
    mapping(bytes32 origin => address) public pendingKeeperOf;

    /// @notice A log was opened; `origin` is keccak256 of `name`.
    event LogOpened(bytes32 indexed origin, string name, address indexed keeper);
    /// @notice A log was offered to a new keeper.
    event KeeperOffered(bytes32 indexed origin, address indexed keeper);
    /// @notice A log has a new keeper.
    event KeeperChanged(bytes32 indexed origin, address indexed previous, address indexed keeper);
    /// @notice The head of a log moved forward. `bySignatures` is false when a consistency proof was checked here.
    event Anchored(
        bytes32 indexed origin, uint64 indexed size, bytes32 root, uint64 previousSize, bool bySignatures
    );
    /// @notice The number of institutions that must sign changed.
    event QuorumChanged(uint256 previous, uint256 quorum);

    /// @notice The log is open already.
    error LogIsOpen(bytes32 origin);
    /// @notice Nobody, or not you, keeps this log.
    error NotTheKeeper(bytes32 origin, address account);
    /// @notice A head moves forward only.
    error NotLarger(uint64 anchored, uint64 size);
    /// @notice The proof does not connect the anchored root with the new one.
    error NotConsistent(uint64 anchored, uint64 size);
    /// @notice Fewer institutions signed than are needed.
    error QuorumNotMet(uint256 needed, uint256 got);
    /// @notice Signers must be institutions, each once, in ascending order of their addresses.
    error NotAnInstitution(address signer);
    /// @notice The quorum cannot be more than there are institutions.
    error QuorumTooLarge(uint256 quorum, uint256 institutions);
    /// @notice A root or an address that is zero.
    error IsZero();

    /// @notice Create the contract with its administrator.
    /// @param adminDelay Seconds between the offer and the acceptance of the administrator's place.
    /// @param admin The first administrator.
    constructor(uint48 adminDelay, address admin)
        AccessControlDefaultAdminRules(adminDelay, admin)
        EIP712("CheckpointAnchor", "1")
    {}

    /// @notice Open a log under a keeper. Its head is the empty tree.
    /// @param name The origin of the log, as in its checkpoints.
    /// @param keeper Who may anchor it.
    /// @return origin keccak256 of the name.
    function openLog(string calldata name, address keeper)
        external
        onlyRole(REGISTRAR_ROLE)
        returns (bytes32 origin)
    {
        if (keeper == address(0)) revert IsZero();
        origin = keccak256(bytes(name));
        if (keeperOf[origin] != address(0)) revert LogIsOpen(origin);
        keeperOf[origin] = keeper;
        _heads[origin].root = Rfc9162.EMPTY_ROOT;
        emit LogOpened(origin, name, keeper);
    }

    /// @notice Offer a log to another keeper, who has to accept; offering to zero withdraws the offer.
    /// @param origin The log.
    /// @param keeper The account it is offered to.
    function offerKeeper(bytes32 origin, address keeper) external {
        if (keeperOf[origin] != msg.sender) revert NotTheKeeper(origin, msg.sender);
        pendingKeeperOf[origin] = keeper;
        emit KeeperOffered(origin, keeper);
    }

    /// @notice Accept a log that was offered.
    /// @param origin The log.
    function acceptKeeper(bytes32 origin) external {
        if (pendingKeeperOf[origin] != msg.sender) revert NotTheKeeper(origin, msg.sender);
        emit KeeperChanged(origin, keeperOf[origin], msg.sender);
        keeperOf[origin] = msg.sender;
        delete pendingKeeperOf[origin];
    }

    /// @notice Move the head of one's log forward, with the proof that nothing before it changed.
    /// @param origin The log.
    /// @param size The new size, larger than the anchored one.
    /// @param root The root at that size.
    /// @param proof The RFC 9162 consistency proof from the anchored size; empty for the first anchor.
    function anchor(bytes32 origin, uint64 size, bytes32 root, bytes32[] calldata proof) external whenNotPaused {
        if (keeperOf[origin] != msg.sender) revert NotTheKeeper(origin, msg.sender);
        Head memory held = _heads[origin];
        if (size <= held.size) revert NotLarger(held.size, size);
        if (!Rfc9162.verifyConsistency(held.size, size, proof, held.root, root)) {
            revert NotConsistent(held.size, size);
        }
        _move(origin, held.size, size, root, false);
    }

    /// @notice Move the head of a log forward because enough institutions signed that step. Anybody may deliver it.
    /// @param origin The log.
    /// @param size The new size, larger than the anchored one.
    /// @param root The root at that size.
    /// @param signatures EIP-712 signatures of the step, in ascending order of the signers' addresses.
    function anchorBySignatures(bytes32 origin, uint64 size, bytes32 root, bytes[] calldata signatures)
        external
        whenNotPaused
    {
        if (keeperOf[origin] == address(0)) revert NotTheKeeper(origin, msg.sender);
        Head memory held = _heads[origin];
        if (size <= held.size) revert NotLarger(held.size, size);
        if (quorum == 0 || signatures.length < quorum) revert QuorumNotMet(quorum, signatures.length);
        bytes32 digest = stepDigest(origin, held.size, held.root, size, root);
        address last = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            address signer = ECDSA.recover(digest, signatures[i]);
            if (signer <= last || !hasRole(INSTITUTION_ROLE, signer)) revert NotAnInstitution(signer);
            last = signer;
        }
        _move(origin, held.size, size, root, true);
    }

    /// @notice What institutions sign for a step from one head to the next.
    /// @param origin The log.
    /// @param previousSize The anchored size.
    /// @param previousRoot The anchored root.
    /// @param size The new size.
    /// @param root The new root.
    /// @return The EIP-712 digest for this contract on this chain.
    function stepDigest(bytes32 origin, uint64 previousSize, bytes32 previousRoot, uint64 size, bytes32 root)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(keccak256(abi.encode(STEP_TYPEHASH, origin, previousSize, previousRoot, size, root)));
    }

    /// @notice The newest anchored head of a log; size 0 for one that was never anchored.
    /// @param origin The log.
    /// @return The head.
    function head(bytes32 origin) external view returns (Head memory) {
        return _heads[origin];
    }

    /// @notice Whether a leaf is in the tree that is anchored now.
    /// @param origin The log.
    /// @param leaf The leaf hash.
    /// @param index Its index.
    /// @param proof The inclusion proof at the anchored size.
    /// @return True if, and only if, the proof holds.
    function includes(bytes32 origin, bytes32 leaf, uint64 index, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        Head memory held = _heads[origin];
        return Rfc9162.verifyInclusion(leaf, index, held.size, proof, held.root);
    }

    /// @notice Set how many institutions must sign; 0 stops steps by signatures.
    /// @param needed The new quorum.
    function setQuorum(uint256 needed) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (needed > institutions) revert QuorumTooLarge(needed, institutions);
        emit QuorumChanged(quorum, needed);
        quorum = needed;
    }

    /// @notice Stop anchoring. What is anchored stays readable and unchanged.
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @notice Allow anchoring again.
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    /// @dev The only place where a head changes; both callers have checked that the size grows.
    function _move(bytes32 origin, uint64 previousSize, uint64 size, bytes32 root, bool bySignatures) private {
        if (root == bytes32(0)) revert IsZero();
        _heads[origin] = Head(size, uint64(block.timestamp), root);
        emit Anchored(origin, size, root, previousSize, bySignatures);
    }

    /// @dev Counts institutions.
    function _grantRole(bytes32 role, address account) internal override returns (bool granted) {
        granted = super._grantRole(role, account);
        if (granted && role == INSTITUTION_ROLE) ++institutions;
    }

    /// @dev Counts institutions, and keeps the quorum reachable.
    function _revokeRole(bytes32 role, address account) internal override returns (bool revoked) {
        revoked = super._revokeRole(role, account);
        if (revoked && role == INSTITUTION_ROLE) {
            --institutions;
            if (quorum > institutions) revert QuorumTooLarge(quorum, institutions);
        }
    }
}
