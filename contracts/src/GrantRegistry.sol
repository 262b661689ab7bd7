// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.26;

import {AccessControlDefaultAdminRules} from
    "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title Commitments to grants, with their revocation, for chains whose members want them on chain
/// @notice A grant appears as a random id and a salted commitment: neither says who may see what. Whoever committed it
/// can revoke it, once and for ever.
/// @dev A commitment cannot be removed from a chain, so nothing that could be guessed or opened by others belongs here.
/// Pausing stops new commitments and never a revocation.
contract GrantRegistry is AccessControlDefaultAdminRules, Pausable, EIP712 {
    /// @notice What is known of a grant. Times are those of blocks, in seconds; `revokedAt` is 0 while it stands.
    struct Grant {
        address grantor;
        uint48 committedAt;
        uint48 revokedAt;
        bytes32 commitment;
    }

    /// @notice An institution that may commit grants.
    bytes32 public constant GRANTOR_ROLE = keccak256("GRANTOR_ROLE");
    /// @notice May pause and unpause new commitments.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    /// @notice The EIP-712 type of a commitment that somebody else delivers.
    bytes32 public constant COMMIT_TYPEHASH =
        keccak256("Commit(address grantor,bytes32 id,bytes32 commitment,uint256 deadline)");
    /// @notice The EIP-712 type of a revocation that somebody else delivers.
    bytes32 public constant REVOKE_TYPEHASH = keccak256("Revoke(bytes32 id)");

    mapping(bytes32 id => Grant) private _grants;

    /// @notice A grant was committed.
    event Committed(bytes32 indexed id, address indexed grantor, bytes32 commitment);
    /// @notice A grant was revoked.
    event Revoked(bytes32 indexed id, address indexed grantor);

    /// @notice The id is taken. Ids are random: this is no accident.
    error IsCommitted(bytes32 id);
    /// @notice There is no such grant.
    error NotCommitted(bytes32 id);
    /// @notice The grant was revoked before.
    error IsRevoked(bytes32 id);
    /// @notice Only the grantor may do this.
    error NotTheGrantor(bytes32 id, address account);
    /// @notice The signature was to be delivered earlier.
    error DeadlinePassed(uint256 deadline);
    /// @notice A commitment that is zero.
    error IsZero();

    /// @notice Create the contract with its administrator.
    /// @param adminDelay Seconds between the offer and the acceptance of the administrator's place.
    /// @param admin The first administrator.
    constructor(uint48 adminDelay, address admin)
        AccessControlDefaultAdminRules(adminDelay, admin)
        EIP712("GrantRegistry", "1")
    {}

    /// @notice Commit a grant as its grantor.
    /// @param id The random id of the grant's entry in the log.
    /// @param commitment A salted commitment to its terms.
    function commit(bytes32 id, bytes32 commitment) external {
        _commit(msg.sender, id, commitment);
    }

    /// @notice Deliver a commitment that its grantor signed.
    /// @param grantor Who signed.
    /// @param id The random id of the grant's entry in the log.
    /// @param commitment A salted commitment to its terms.
    /// @param deadline The last second in which it may be delivered.
    /// @param signature The grantor's EIP-712 signature of `Commit`.
    function commitBySignature(
        address grantor,
        bytes32 id,
        bytes32 commitment,
        uint256 deadline,
        bytes calldata signature
    ) external {
        if (block.timestamp > deadline) revert DeadlinePassed(deadline);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(COMMIT_TYPEHASH, grantor, id, commitment, deadline)));
        if (ECDSA.recover(digest, signature) != grantor) revert NotTheGrantor(id, grantor);
        _commit(grantor, id, commitment);
    }

    /// @notice Revoke a grant as its grantor. It stays revoked.
    /// @param id The grant.
    function revoke(bytes32 id) external {
        _revoke(msg.sender, id);
    }

    /// @notice Deliver a revocation that the grantor signed. Works whether or not the registry is paused.
    /// @param id The grant.
    /// @param signature The grantor's EIP-712 signature of `Revoke`.
    function revokeBySignature(bytes32 id, bytes calldata signature) external {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(REVOKE_TYPEHASH, id)));
        _revoke(ECDSA.recover(digest, signature), id);
    }

    /// @notice What is known of a grant; all zero for one that was never committed.
    /// @param id The grant.
    /// @return The grant.
    function grantOf(bytes32 id) external view returns (Grant memory) {
        return _grants[id];
    }

    /// @notice Whether a grant was committed and not revoked. Says nothing about its expiry, which is not on chain.
    /// @param id The grant.
    /// @return True while it stands.
    function stands(bytes32 id) external view returns (bool) {
        Grant storage held = _grants[id];
        return held.grantor != address(0) && held.revokedAt == 0;
    }

    /// @notice Stop new commitments.
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @notice Allow new commitments again.
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    /// @dev The only place where a grant begins.
    function _commit(address grantor, bytes32 id, bytes32 commitment) private whenNotPaused {
        _checkRole(GRANTOR_ROLE, grantor);
        if (commitment == bytes32(0)) revert IsZero();
        if (_grants[id].grantor != address(0)) revert IsCommitted(id);
        _grants[id] = Grant(grantor, uint48(block.timestamp), 0, commitment);
        emit Committed(id, grantor, commitment);
    }

    /// @dev The only place where a grant ends. A grantor that has lost its role can still revoke what it granted.
    function _revoke(address account, bytes32 id) private {
        Grant storage held = _grants[id];
        if (held.grantor == address(0)) revert NotCommitted(id);
        if (held.grantor != account) revert NotTheGrantor(id, account);
        if (held.revokedAt != 0) revert IsRevoked(id);
        held.revokedAt = uint48(block.timestamp);
        emit Revoked(id, account);
    }
}
