"""Errors that say what must happen next.

LockstepError
├── ConfigError          the configuration must be corrected; names file, line and key
├── ReadFailed           a read of an account failed or was incomplete: the account's state is unknown, never empty
│   └── NeedsLogin       the session is over: log in again
├── JournalFailed        nothing can be made durable: nothing may be sent
├── StateRefused         the state on disk is damaged or from another version: the operator decides
├── AlreadyRunning       another instance holds the lock
└── BrokenInvariant      a bug: stop sending, tell the operator
"""

from config.errors import ConfigError, LockstepError

__all__ = [
    "AlreadyRunning",
    "BrokenInvariant",
    "ConfigError",
    "JournalFailed",
    "LockstepError",
    "NeedsLogin",
    "ReadFailed",
    "StateRefused",
]


class ReadFailed(LockstepError):
    """A read failed. What was asked for is unknown."""


class NeedsLogin(ReadFailed):
    """The account's session is over; log in again."""


class JournalFailed(LockstepError):
    """The journal cannot be written or synced. Nothing may be sent."""


class StateRefused(LockstepError):
    """The state on disk is damaged or written by another version."""


class AlreadyRunning(LockstepError):
    """Another instance holds the lock."""


class BrokenInvariant(LockstepError):
    """Something that can never happen happened."""
