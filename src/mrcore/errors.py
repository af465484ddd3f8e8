"""Every error that leaves a module of the control room.

MrError                      a sentence for a person, a stable code for a program
├── SettingsError            a setting is missing or wrong; names the setting and the fix
├── ExpressionError          an expression is none; names the line and column
├── RuleError                rules are none; names the file and the line of every mistake
├── RunbookError             a runbook is none; names the file and the line of every mistake
├── ScenarioError            a game day's scenario is none; names the file and the line
├── SourceError              a source could not answer
│   ├── Unreachable          no connection, or no answer within the deadline
│   ├── NotPermitted         the watched system refused; names the missing right
│   ├── NotFound             the ref leads nowhere (any more)
│   ├── Unsupported          this source has no such collection, action or detail
│   ├── NotSent              nobody could be told; how long the other side wants us to wait
│   └── SourceLied           a sample broke the rules (foreign refs, too many rows, not finite)
├── DoorError                an action was not taken
│   ├── Forbidden            this login may not
│   ├── NotArmed             a protected environment, and this login is not armed
│   ├── NeedsApproval        a second login has to approve this plan first, or has refused it
│   ├── TooMany              too many failed logins or dangerous actions in a short time
│   ├── Unauthenticated      no login: wrong, expired or missing token
│   ├── PlanNotFound         no such plan
│   ├── PlanExpired          the plan is too old to be applied
│   ├── PlanTaken            another login's plan, or already applied by one
│   └── BadRequest           arguments that the action does not take
├── StoreError               the ledger or the history could not be written or read
├── StackError               a process of the stack did not start, or the folder is in use
└── CoreUnreachable          the screen or the CLI found no core
"""

from __future__ import annotations

from typing import ClassVar


class MrError(Exception):
    """Base of the tree: `str(error)` is the sentence, `code` is stable, `status` is HTTP's."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, sentence: str, *, fix: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.sentence} {self.fix}".rstrip()


class SettingsError(MrError):
    code = "settings"
    status = 400


class ExpressionError(MrError):
    code = "expression"
    status = 400

    def __init__(self, sentence: str, *, line: int = 1, column: int = 1, fix: str = "") -> None:
        super().__init__(f"{line}:{column}: {sentence}", fix=fix)
        self.line = line
        self.column = column


class RuleError(MrError):
    code = "rules"
    status = 400

    def __init__(self, sentence: str, *, problems: tuple[str, ...] = (), fix: str = "") -> None:
        super().__init__(sentence, fix=fix)
        self.problems = problems or (str(self),)


class RunbookError(MrError):
    code = "runbooks"
    status = 400

    def __init__(self, sentence: str, *, problems: tuple[str, ...] = (), fix: str = "") -> None:
        super().__init__(sentence, fix=fix)
        self.problems = problems or (sentence,)


class ScenarioError(MrError):
    code = "scenario"
    status = 400


class SourceError(MrError):
    code = "source"
    status = 502


class Unreachable(SourceError):
    code = "unreachable"
    status = 503


class NotPermitted(SourceError):
    code = "not_permitted"
    status = 502


class NotFound(SourceError):
    code = "not_found"
    status = 404


class Unsupported(SourceError):
    code = "unsupported"
    status = 400


class NotSent(SourceError):
    code = "not_sent"
    status = 502

    def __init__(self, sentence: str, *, fix: str = "", after_s: float = 0.0) -> None:
        super().__init__(sentence, fix=fix)
        self.after_s = after_s


class SourceLied(SourceError):
    code = "source_lied"
    status = 502


class DoorError(MrError):
    code = "door"
    status = 409


class Forbidden(DoorError):
    code = "forbidden"
    status = 403


class Unauthenticated(DoorError):
    code = "unauthenticated"
    status = 401


class NotArmed(DoorError):
    code = "not_armed"
    status = 403


class NeedsApproval(DoorError):
    code = "needs_approval"
    status = 409


class TooMany(DoorError):
    code = "too_many"
    status = 429

    def __init__(self, sentence: str, *, fix: str = "", retry_after_s: float = 0.0) -> None:
        super().__init__(sentence, fix=fix)
        self.retry_after_s = retry_after_s


class PlanNotFound(DoorError):
    code = "plan_not_found"
    status = 404


class PlanExpired(DoorError):
    code = "plan_expired"
    status = 409


class PlanTaken(DoorError):
    code = "plan_taken"
    status = 409


class BadRequest(DoorError):
    code = "bad_request"
    status = 400


class StoreError(MrError):
    code = "store"
    status = 507


class StackError(MrError):
    code = "stack"
    status = 500


class CoreUnreachable(MrError):
    code = "core_unreachable"
    status = 503
